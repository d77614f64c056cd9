//! Assertions of the tests about books and their audit: each fails with what it found.

use super::audit::{Audit, Books};
use super::cluster::ClusterDeployment;
use super::error::Error;

impl Books {
    /// Asserts that no reply was another's, out of order or of the wrong kind.
    pub fn assert_no_mix_up(&self) {
        for book in &self.all {
            let strange: Vec<_> = book.strange.iter().take(5).collect();
            assert!(strange.is_empty(), "client {}: {strange:?}", book.client);
        }
    }

    /// Asserts that no client saw an error or the end of its connection.
    pub fn assert_no_error(&self) {
        assert!(self.errors().is_empty(), "{:?}", self.errors());
        self.assert_none_ended();
    }

    /// Asserts that every error says that the outcome is unknown, in the words of the interface.
    pub fn assert_only_uncertain(&self) {
        for text in self.errors().into_keys() {
            let fits = text.starts_with("UNCERTAIN tideover: ") && text.ends_with("; outcome unknown");
            assert!(fits, "{text}");
        }
        self.assert_none_ended();
    }

    fn assert_none_ended(&self) {
        let ended: Vec<_> = self.all.iter().filter_map(|book| book.ended.as_ref()).collect();
        assert!(ended.is_empty(), "{ended:?}");
    }

    /// Asserts that no client has seen anything, and that the masters hold all that was acknowledged.
    pub async fn assert_unnoticed(&self, cluster: &ClusterDeployment) -> Result<(), Error> {
        self.assert_no_mix_up();
        self.assert_no_error();
        let audit = self.audit_cluster(cluster).await?;
        audit.assert_nothing_doubled();
        audit.assert_nothing_lost();
        Ok(())
    }
}

impl Audit {
    /// Asserts that nothing that was acknowledged is gone, and that of every token the fate is known.
    pub fn assert_nothing_lost(&self) {
        self.assert_acknowledged_kept();
        assert_eq!(self.unknown, 0, "{self:?}");
    }

    /// Asserts that what was acknowledged is there; of what was not, nobody can say more.
    pub fn assert_acknowledged_kept(&self) {
        assert_eq!(self.faults.lost.total(), 0, "{self:?}");
    }

    /// Asserts that the masters hold nothing that was never sent to them.
    pub fn assert_no_mix_up(&self) {
        assert_eq!(self.faults.mixed_up, 0, "{self:?}");
    }

    /// Asserts that nothing ran twice, and nothing that was denied.
    pub fn assert_none_ran_twice(&self) {
        self.assert_no_mix_up();
        assert_eq!((self.faults.doubled.total(), self.faults.denied), (0, 0), "{self:?}");
    }

    /// Asserts the same, and that each client's writes are in its order.
    pub fn assert_nothing_doubled(&self) {
        self.assert_none_ran_twice();
        assert_eq!(self.faults.misordered, 0, "{self:?}");
    }
}
