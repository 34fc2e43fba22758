//! Why a command ended, and how that is said.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
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
    let (title, path) = (problem.title(), problem.file.display().to_string());
    let snippet = Snippet::source(problem.source_line.as_str())
        .line_start(problem.line)
        .path(path)
        .annotation(AnnotationKind::Primary.span(problem.mark.clone()));
    let mut report = vec![level.primary_title(title).element(snippet)];
    if let Some(help) = &problem.help {
        report.push(Group::with_title(Level::HELP.secondary_title(help)));
    }
    format!("{}\n\n", renderer.render(&report))
}
