//! Why a command ended, and how that is said.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use anstream::ColorChoice;
use fastlike_runtime::manifest::{self, Problem};

/// What ends the command with exit code 1.
#[derive(Debug)]
pub(crate) enum Failure {
    /// One chain of causes, maybe with a mend.
    Error {
        error: anyhow::Error,
        help: Option<String>,
    },
    /// Everything that is wrong in a manifest.
    Manifest(manifest::Error),
}

impl Failure {
    /// A failure with one line of its own.
    pub(crate) fn new(message: impl std::fmt::Display) -> Self {
        Self::from(anyhow::anyhow!("{message}"))
    }

    /// Says how to mend it.
    #[must_use]
    pub(crate) fn help(self, text: impl Into<String>) -> Self {
        match self {
            Self::Error { error, help: None } => Self::Error {
                error,
                help: Some(text.into()),
            },
            other => other,
        }
    }

    /// The files whose change may mend it, if they are known.
    pub(crate) fn files(&self) -> &[std::path::PathBuf] {
        match self {
            Self::Manifest(error) => error.files(),
            Self::Error { .. } => &[],
        }
    }

    /// Writes it to the standard error output.
    pub(crate) fn print(&self) {
        let styled = styled();
        anstream::eprint!("{}", self.render(styled));
    }

    /// The text for the terminal, with a line break at its end.
    pub(crate) fn render(&self, styled: bool) -> String {
        match self {
            Self::Error { error, help } => {
                let mut text = chain(error.as_ref());
                if let Some(help) = help {
                    text.push_str(&format!("help: {help}\n"));
                }
                text
            }
            Self::Manifest(manifest::Error::Invalid {
                path,
                problems,
                warnings,
                ..
            }) => {
                let mut text = String::new();
                for problem in problems {
                    text.push_str(&render(Level::ERROR, problem, styled));
                }
                for warning in warnings {
                    text.push_str(&render(Level::WARNING, warning, styled));
                }
                let (count, noun) = match problems.len() {
                    1 => ("1".to_owned(), "problem"),
                    count => (count.to_string(), "problems"),
                };
                text.push_str(&format!(
                    "error parsing `{}`: {count} {noun}\n",
                    path.display()
                ));
                text
            }
            Self::Manifest(other) => {
                let help = "name the manifest's file; without `-C` a program is served with none";
                format!("{}help: {help}\n", chain(other))
            }
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Error {
            error: error.into(),
            help: None,
        }
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = format!("error: {error}\n");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!("caused by: {error}\n"));
        cause = error.source();
    }
    text
}

/// Whether the standard error output takes colours.
pub(crate) fn styled() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != ColorChoice::Never
}

/// A problem with its line of the file and, below it, how to mend it.
pub(crate) fn render(level: Level<'_>, problem: &Problem, styled: bool) -> String {
    let renderer = if styled {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let path = problem.file.display().to_string();
    let (line, column) = (problem.line, problem.column);
    // The renderer counts columns in what it shows, a part of a long line.
    let before = problem.source_line.get(..problem.mark.start);
    let mut counted = before.unwrap_or_default().chars().count() + 1;
    let title = level.primary_title(problem.title());
    let group = if problem.source_line.is_empty() {
        counted = column;
        title.element(Origin::path(path.clone()).line(line).char_column(column))
    } else {
        let snippet = Snippet::source(problem.source_line.as_str())
            .line_start(line)
            .path(path.clone())
            .annotation(AnnotationKind::Primary.span(problem.mark.clone()));
        title.element(snippet)
    };
    let mut report = vec![group];
    if let Some(help) = &problem.help {
        report.push(Group::with_title(Level::HELP.secondary_title(help)));
    }
    let text = renderer.render(&report);
    let place = |column| format!("{path}:{line}:{column}");
    format!("{}\n\n", text.replacen(&place(counted), &place(column), 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_in_a_long_line_is_that_in_the_file() {
        let text = format!("x = [{}oops]\n", "0, ".repeat(1_000));
        let error = manifest::Manifest::parse("fastly.toml", text).expect_err("no TOML");
        let shown = Failure::Manifest(error).render(false);
        assert!(shown.contains("--> fastly.toml:1:3006\n"), "{shown}");

        // Of a file of secrets no line is shown.
        let error = manifest::Manifest::parse("fastly.toml", "\u{feff}[\n");
        let Err(manifest::Error::Invalid { mut problems, .. }) = error else {
            panic!("{error:?}");
        };
        let problem = &mut problems[0];
        (problem.source_line, problem.mark) = (String::new(), 0..0);
        (problem.line, problem.column) = (3, 15);
        let shown = render(Level::ERROR, problem, false);
        assert!(shown.contains("--> fastly.toml:3:15\n"), "{shown}");
    }
}
