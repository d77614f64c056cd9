//! Reads that another node than the master may serve: which requests they are, and which node has them.

use crate::ids::LaneId;
use crate::node::lane::Use;

use super::Core;

impl Core {
    /// The lane's node has failed: others serve its reads for a while. Must come before the lane is connected again.
    pub(super) fn pass_over_reader(&mut self, id: LaneId) {
        let Some(lane) = self.base.lane(id).filter(|lane| lane.key.use_ == Use::Reads) else { return };
        let shard = lane.key.shard;
        let Some(failed) = lane.link.target().map(|target| target.endpoint.clone()) else { return };
        if self.base.shards.fail_reader(shard, &failed, self.base.now) {
            self.follow_readers(shard, Some(id));
        }
    }

    /// Nodes that failed a while ago may be tried again.
    pub(super) fn retry_readers(&mut self) {
        for shard in self.base.shards.retry_readers(self.base.now) {
            self.follow_readers(shard, None);
        }
    }

    fn follow_readers(&mut self, shard: u16, besides: Option<LaneId>) {
        let readers = self.base.lanes.iter().filter(|lane| {
            lane.key.shard == shard && lane.key.use_ == Use::Reads && Some(lane.id) != besides
        });
        for id in readers.map(|lane| lane.id).collect::<Vec<_>>() {
            self.follow_gate(id);
        }
    }
}
