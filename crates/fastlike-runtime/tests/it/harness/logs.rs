//! The runtime's own log lines, as a test sees them.

use std::fmt::{Debug, Write};
use std::sync::Once;
use std::thread::ThreadId;

use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Lines of all tests in this process, and the threads they came from.
static LINES: Mutex<Vec<(ThreadId, String)>> = Mutex::new(Vec::new());

/// The log lines of this thread from now on. A test that looks at logs
/// therefore runs on one thread, as `#[tokio::test]` does by default.
pub(crate) struct Logs {
    thread: ThreadId,
    from: usize,
}

impl Logs {
    pub(crate) fn capture() -> Self {
        gather();
        Self {
            thread: std::thread::current().id(),
            from: LINES.lock().len(),
        }
    }

    /// The lines that contain `part`: the level, then the message.
    pub(crate) fn with(&self, part: &str) -> Vec<String> {
        let lines = LINES.lock();
        let mine = lines
            .iter()
            .skip(self.from)
            .filter(|(thread, line)| *thread == self.thread && line.contains(part));
        mine.map(|(_, line)| line.clone()).collect()
    }
}

/// Has every line gathered. For all threads at once: which lines are wanted
/// is remembered where they are made, and a race of threads that want
/// different ones may lose some.
pub(super) fn gather() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(Gather).expect("the only one in this process");
    });
}

struct Gather;

impl Subscriber for Gather {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::DEBUG && metadata.target().starts_with("fastlike")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        LINES.lock().push((std::thread::current().id(), line.0));
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
