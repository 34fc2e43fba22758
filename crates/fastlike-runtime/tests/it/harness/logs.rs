//! The runtime's own log lines, as a test sees them.

use std::fmt::{Debug, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber};

/// Gathers the log lines of this thread while it lives. A test that looks at
/// logs therefore runs on one thread, as `#[tokio::test]` does by default.
pub(crate) struct Logs {
    lines: Arc<Mutex<Vec<String>>>,
    _guard: DefaultGuard,
}

impl Logs {
    pub(crate) fn capture() -> Self {
        let lines = Arc::default();
        let guard = tracing::subscriber::set_default(Gather(Arc::clone(&lines)));
        Self {
            lines,
            _guard: guard,
        }
    }

    /// The lines that contain `part`: the level, then the message.
    pub(crate) fn with(&self, part: &str) -> Vec<String> {
        self.lines
            .lock()
            .iter()
            .filter(|line| line.contains(part))
            .cloned()
            .collect()
    }
}

struct Gather(Arc<Mutex<Vec<String>>>);

impl Subscriber for Gather {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO && metadata.target().starts_with("fastlike")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let written = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
        written.expect("text grows");
    }
}
