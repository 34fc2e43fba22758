//! The text files of the repository, as git knows them.

use std::fs;
use std::process::Command;

use anyhow::Result;

use crate::shell::{output, root};

/// Text files with their paths from the top.
pub(super) struct Tree {
    pub(super) files: Vec<File>,
}

pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

impl Tree {
    /// Reads every file that is, or could be, committed. Binary ones are left out.
    pub(super) fn load() -> Result<Self> {
        let mut list = Command::new("git");
        list.current_dir(root())
            .args(["ls-files", "--cached", "--others", "--exclude-standard"]);
        let mut files = Vec::new();
        for path in output(&mut list)?.lines() {
            // Deleted, but not yet from the index; or not text.
            if let Ok(text) = fs::read_to_string(root().join(path)) {
                let path = path.to_owned();
                files.push(File { path, text });
            }
        }
        Ok(Self { files })
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| File {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        });
        Self {
            files: files.collect(),
        }
    }

    pub(super) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }

    /// The Rust files under a folder, given with its last slash.
    pub(super) fn rust_in(&self, folder: &str) -> impl Iterator<Item = &File> {
        self.rust()
            .filter(move |file| file.path.starts_with(folder))
    }
}

impl File {
    /// The lines of code with their numbers: without comments, and without the tests at the end
    /// of the file.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(self.product()).map(|(number, line)| (number, without_comment(line)))
    }

    /// The text before the tests of the file; nothing if it is all tests.
    fn product(&self) -> &str {
        if self.is_test() {
            return "";
        }
        let tests = self.text.find("\n#[cfg(test)]\nmod ");
        tests.map_or(self.text.as_str(), |at| {
            self.text.get(..at).unwrap_or_default()
        })
    }

    /// The tests in this file: all of it, or what follows `#[cfg(test)]`.
    pub(super) fn tests(&self) -> &str {
        self.text.get(self.product().len()..).unwrap_or_default()
    }

    fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }
}

/// Lines with their numbers from 1.
pub(super) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
}

fn without_comment(line: &str) -> &str {
    line.find("//")
        .and_then(|at| line.get(..at))
        .unwrap_or(line)
}

/// Whether the text has this word, not as a part of a longer one.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text
            .get(at + word.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_comments_are_not_code() {
        let tree = Tree::of(&[(
            "a.rs",
            "let a = 1; // one\n\n#[cfg(test)]\nmod tests {\n    let b = 2;\n}\n",
        )]);
        let code: Vec<_> = tree.files[0].code().collect();
        assert_eq!(code, [(1, "let a = 1; ")]);
        assert!(tree.files[0].tests().contains("let b"));
    }

    #[test]
    fn a_file_of_tests_has_no_code() {
        let tree = Tree::of(&[("src/door/tests.rs", "fn a() {}\n")]);
        assert_eq!(tree.files[0].code().count(), 0);
        assert!(tree.files[0].tests().contains("fn a"));
    }

    #[test]
    fn a_word_is_not_a_part_of_another() {
        assert!(has_word("use wiggle::Type;", "wiggle"));
        assert!(!has_word("use wiggler;", "wiggle"));
        assert!(!has_word("un_wiggle", "wiggle"));
    }
}
