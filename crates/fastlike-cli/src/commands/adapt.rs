//! `fastlike adapt`, which scripts for the official tools' runtime may call.

use std::path::Path;

use crate::failure::Failure;

/// There a module is made a component, which is what runs. Here modules run.
pub(super) fn refuse(file: &Path) -> Failure {
    let message = "fastlike runs modules as they are: there is nothing to adapt";
    Failure::new(message).help(format!(
        "serve the module itself: `fastlike {}`",
        file.display()
    ))
}
