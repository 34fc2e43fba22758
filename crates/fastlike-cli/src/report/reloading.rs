//! What is printed while files are watched and programs built.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anstream::adapter::strip_str;
use owo_colors::Style;
use serde_json::json;

use super::{Report, millis};
use crate::args::LogFormat;
use crate::failure::{self, Failure};
use crate::printer::Stream;
use crate::units::show_duration;

/// Names that a line has room for.
const NAMES: usize = 3;

impl Report {
    /// Changes are waited for.
    pub(crate) fn watching(&self, files: usize) {
        match self.format {
            LogFormat::Json => self.json("INFO", "watching", json!({ "files": files })),
            LogFormat::Human => self.info(format_args!("Watching {}", count(files))),
        }
    }

    /// Another service took the place of the one before.
    pub(crate) fn reloaded(&self, changed: &[PathBuf], took: Duration) {
        match self.format {
            LogFormat::Json => {
                let fields = json!({ "changed": all(changed), "load_ms": millis(took) });
                self.json("INFO", "reloaded", fields);
            }
            LogFormat::Human => self.info(format_args!(
                "{} in {}: {}",
                self.paint("Reloaded", Style::new().green().bold()),
                show_duration(took),
                what_changed(changed)
            )),
        }
    }

    /// The service of before stays. What is wrong is shown, but not `again`.
    pub(crate) fn not_reloaded(&self, failure: &Failure, changed: &[PathBuf], again: bool) {
        if self.format == LogFormat::Json {
            let error = failure.render(false);
            let fields = json!({ "changed": all(changed), "error": error.trim_end() });
            return self.json("ERROR", "not reloaded", fields);
        }
        let what = what_changed(changed);
        let text = if again {
            format!("Not reloaded: {what}, and what was wrong still is\n")
        } else {
            let why = failure.render(failure::styled());
            format!("{why}Not reloaded: {what}; what was served before still is\n")
        };
        // In one piece, so that nothing gets between.
        self.print_error(&text);
    }

    /// A command that makes the program begins.
    pub(crate) fn running(&self, command: &str, changed: &[PathBuf]) {
        match self.format {
            LogFormat::Json => {
                let fields = json!({ "command": command, "changed": all(changed) });
                self.json("INFO", "building", fields);
            }
            LogFormat::Human => {
                let why = if changed.is_empty() {
                    String::new()
                } else {
                    format!(": {}", what_changed(changed))
                };
                let command = self.paint(command, Style::new().bold());
                self.info(format_args!("Building with {command}{why}"));
            }
        }
    }

    /// A build was ended for another one.
    pub(crate) fn building_again(&self, changed: &[PathBuf]) {
        match self.format {
            LogFormat::Json => {
                self.json("INFO", "building again", json!({ "changed": all(changed) }));
            }
            LogFormat::Human => {
                self.info(format_args!("Building again: {}", what_changed(changed)));
            }
        }
    }

    /// A line of such a command, as it wrote it.
    pub(crate) fn build_output(&self, stream: Stream, line: &[u8]) {
        if self.format == LogFormat::Json {
            let line = String::from_utf8_lossy(line);
            let name = match stream {
                Stream::Stdout => "stdout",
                Stream::Stderr => "stderr",
            };
            let fields = json!({ "build": name });
            return self.json(
                "INFO",
                strip_str(line.trim_end()).to_string().as_str(),
                fields,
            );
        }
        // One stream keeps the order.
        self.printer.print(Stream::Stderr, line.to_vec());
    }

    /// A program was built, and is the same as before.
    pub(crate) fn built_the_same(&self, took: Duration) {
        match self.format {
            LogFormat::Json => {
                self.json("INFO", "built", json!({ "build_ms": millis(took) }));
            }
            LogFormat::Human => self.info(format_args!(
                "Built in {}: the program is the same as before",
                show_duration(took)
            )),
        }
    }

    /// There is no new program. `served` says what clients get meanwhile.
    pub(crate) fn not_built(&self, failure: &Failure, served: &str) {
        if self.format == LogFormat::Json {
            let error = failure.render(false);
            return self.json("ERROR", "not built", json!({ "error": error.trim_end() }));
        }
        let text = format!("{}Not built: {served}\n", failure.render(failure::styled()));
        self.print_error(&text);
    }

    fn print_error(&self, text: &str) {
        self.printer.print(Stream::Stderr, text.as_bytes().to_vec());
    }
}

fn count(files: usize) -> String {
    match files {
        1 => "1 file".to_owned(),
        _ => format!("{files} files"),
    }
}

fn all(paths: &[PathBuf]) -> Vec<String> {
    let here = std::env::current_dir().ok();
    paths
        .iter()
        .map(|path| show(path, here.as_deref()))
        .collect()
}

/// `fastly.toml changed`, as seen from the working directory.
fn what_changed(paths: &[PathBuf]) -> String {
    let mut names = all(paths);
    names.dedup();
    let more = names.len().saturating_sub(NAMES);
    if more > 0 {
        names.truncate(NAMES);
        return format!("{} and {more} more changed", names.join(", "));
    }
    format!("{} changed", names.join(", "))
}

fn show(path: &Path, here: Option<&Path>) -> String {
    let near = here.and_then(|here| path.strip_prefix(here).ok());
    near.unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_said_in_one_line() {
        let here = std::env::current_dir().expect("a folder");
        let said = |names: &[&str]| {
            let paths: Vec<_> = names.iter().map(|name| here.join(name)).collect();
            what_changed(&paths)
        };
        assert_eq!(said(&["a"]), "a changed");
        assert_eq!(said(&["a", "b/c", "d"]), "a, b/c, d changed");
        assert_eq!(
            said(&["a", "b", "c", "d", "e"]),
            "a, b, c and 2 more changed"
        );
        assert_eq!(what_changed(&["/x/y".into()]), "/x/y changed");
    }
}
