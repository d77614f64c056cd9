//! What a person sees while the demo runs: events as lines, and between them one status line.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::meter::{Glance, Meter};
use super::table::grouped;

/// Where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The status line is drawn again and again at the same place.
    Terminal,
    /// A status line per second.
    Lines,
    /// Standard output is kept for the JSON; people read standard error.
    Aside,
}

/// The output of the demo.
pub(crate) struct Screen {
    kind: Kind,
    started: Instant,
    /// One writer at a time.
    turn: Mutex<()>,
}

impl Screen {
    pub(crate) fn new(json: bool) -> Self {
        let kind = match (json, std::io::stdout().is_terminal()) {
            (true, _) => Kind::Aside,
            (false, true) => Kind::Terminal,
            (false, false) => Kind::Lines,
        };
        Self { kind, started: Instant::now(), turn: Mutex::new(()) }
    }

    /// Text without a time: explanations, the table.
    pub(crate) fn say(&self, text: &str) {
        self.print(text);
    }

    /// Something that happened now.
    pub(crate) fn event(&self, text: &str) {
        self.print(&format!("{:>7.2} s  {text}", self.started.elapsed().as_secs_f64()));
    }

    /// The one result for programs.
    pub(crate) fn json(&self, text: &str) {
        println!("{text}");
    }

    /// Shows the clients' progress until the returned value is dropped.
    pub(crate) fn follow(self: &Arc<Self>, meter: &Arc<Meter>) -> JoinSet<()> {
        let mut task = JoinSet::new();
        task.spawn(follow(Arc::clone(self), Arc::clone(meter)));
        task
    }

    fn print(&self, text: &str) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        match self.kind {
            Kind::Terminal => println!("\r\x1b[2K{text}"),
            Kind::Lines => println!("{text}"),
            Kind::Aside => eprintln!("{text}"),
        }
    }

    fn status(&self, text: &str) {
        match self.kind {
            Kind::Terminal => {
                let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
                print!("\r\x1b[2K           {text}");
                // A terminal that is gone is noticed by the signal that comes with it.
                let _ = std::io::stdout().flush();
            }
            Kind::Lines | Kind::Aside => self.event(text),
        }
    }

    fn period(&self) -> Duration {
        match self.kind {
            Kind::Terminal => Duration::from_millis(200),
            Kind::Lines | Kind::Aside => Duration::from_secs(1),
        }
    }
}

async fn follow(screen: Arc<Screen>, meter: Arc<Meter>) {
    let mut ticks = tokio::time::interval(screen.period());
    let mut before = Glance::default();
    let mut since = Instant::now();
    loop {
        ticks.tick().await;
        let now = Instant::now();
        let glance = meter.glance(now);
        let passed = now.saturating_duration_since(since);
        // The first tick comes at once: there is no rate yet.
        if passed > screen.period() / 2 {
            screen.status(&status_text(before, glance, passed));
            (before, since) = (glance, now);
        }
    }
}

fn status_text(before: Glance, now: Glance, passed: Duration) -> String {
    let done = now.commands.saturating_sub(before.commands);
    let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX).max(1);
    let mut text = format!(
        "{} commands, {} a second, {} errors",
        grouped(now.commands),
        grouped(done.saturating_mul(1000) / millis),
        now.errors
    );
    if now.stalled > 0 {
        let wait = now.longest_wait.as_secs_f64();
        text.push_str(&format!("; {} clients wait, the longest for {wait:.1} s", now.stalled));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_tells_the_rate_and_who_waits() {
        let before = Glance { commands: 1000, ..Glance::default() };
        let now = Glance { commands: 3000, errors: 1, stalled: 8, longest_wait: Duration::from_millis(1240) };
        let text = status_text(before, now, Duration::from_millis(500));
        assert_eq!(text, "3,000 commands, 4,000 a second, 1 errors; 8 clients wait, the longest for 1.2 s");
    }
}
