//! Waiting for a condition: look, and look again until a deadline.

use std::time::{Duration, Instant};

use super::error::Error;

/// Between two looks.
pub(crate) const LOOK: Duration = Duration::from_millis(20);

/// Looks again and again until the answer is `Ok`; after `limit` the last answer is the error's text.
pub async fn wait_until<T, F, Fut>(what: &str, limit: Duration, mut look: F) -> Result<T, Error>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + limit;
    loop {
        let last = match look().await {
            Ok(value) => return Ok(value),
            Err(last) => last,
        };
        if Instant::now() > deadline {
            return Err(Error::Deadline { what: what.to_owned(), limit, last });
        }
        tokio::time::sleep(LOOK).await;
    }
}
