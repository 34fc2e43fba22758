//! `language` and `[scripts]`: how the program is built.

use super::problem::Log;
use super::raw::Section;
use super::resolve::Files;

/// How a project's program is built, for those that build it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scripts {
    /// `language`, as the official CLI names them: `rust`, `javascript`, …
    pub language: Option<String>,
    /// `build`: a shell command that makes `bin/main.wasm`.
    pub build: Option<String>,
    /// `post_build`: a shell command for after that.
    pub post_build: Option<String>,
    /// `env_vars`: each `NAME=VALUE`, for the commands.
    pub env_vars: Vec<String>,
    /// `env_file`: a file of such lines.
    pub env_file: Option<String>,
}

/// The official CLI owns these keys, so those that it may add are no news.
pub(super) fn read(top: &mut Section<'_>, files: &Files, log: &mut Log) -> Scripts {
    let language = top.string("language", log).map(|(text, _)| text);
    let Some(mut section) = top.section("scripts", log) else {
        return Scripts {
            language,
            ..Scripts::default()
        };
    };
    let mut text = |key, log: &mut Log| {
        let (text, _) = section.string(key, log)?;
        Some(text).filter(|text| !text.trim().is_empty())
    };
    let mut scripts = Scripts {
        language,
        build: text("build", log),
        post_build: text("post_build", log),
        env_vars: Vec::new(),
        env_file: text("env_file", log),
    };
    if let Some(file) = &scripts.env_file {
        files.note_beside(file);
    }
    scripts.env_vars = env_vars(&mut section, log);
    // For the official CLI, after it made a project.
    section.skip("post_init");
    section.warn_of_slips(log);
    scripts
}

fn env_vars(section: &mut Section<'_>, log: &mut Log) -> Vec<String> {
    let Some(item) = section.take("env_vars") else {
        return Vec::new();
    };
    if !item.value().is_array() {
        item.expected::<()>("a list of `NAME=VALUE`", log);
        return Vec::new();
    }
    let mut env_vars = Vec::new();
    for item in item.elements() {
        let Some(line) = item.string(log) else {
            continue;
        };
        match line.split_once('=') {
            Some((name, _)) if !name.is_empty() => env_vars.push(line),
            _ => log.error(item.problem("this is not `NAME=VALUE`")),
        }
    }
    env_vars
}
