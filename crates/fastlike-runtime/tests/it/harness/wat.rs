//! Guests in wasm text, for what no SDK does.

use std::fmt::Write;

/// A function that guests import, as the list in `testdata` has it.
pub(crate) struct Import {
    pub(crate) kind: &'static str,
    pub(crate) module: &'static str,
    pub(crate) name: &'static str,
    pub(crate) params: Vec<&'static str>,
    pub(crate) results: Vec<&'static str>,
}

const SIGNATURES: &str = include_str!("../../../../../testdata/abi/signatures.tsv");

/// Every function that real guests import: the ABI, its old names, and WASI.
pub(crate) fn signatures() -> Vec<Import> {
    let lines = SIGNATURES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .skip(1);
    let imports = lines.map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [kind, module, name, params, results, ..] = columns[..] else {
            panic!("five columns: {line:?}")
        };
        let (params, results) = (params.split_whitespace(), results.split_whitespace());
        Import {
            kind,
            module,
            name,
            params: params.collect(),
            results: results.collect(),
        }
    });
    imports.collect()
}

impl Import {
    /// The import, under the name `$module.name`.
    pub(crate) fn declaration(&self) -> String {
        let Self { module, name, .. } = self;
        let (params, results) = (self.params.join(" "), self.results.join(" "));
        format!(
            "(import \"{module}\" \"{name}\" (func ${module}.{name} (param {params}) (result {results})))\n"
        )
    }
}

/// A guest of one page of memory that runs `start`. It can call every
/// function of the ABI and of WASI as `$module.name`, and `$must` traps on a
/// status that is not 0.
pub(crate) fn program(data: &str, start: &str) -> String {
    let mut text = String::from("(module\n");
    for import in signatures() {
        text.push_str(&import.declaration());
    }
    let must = "(func $must (param i32) (if (local.get 0) (then unreachable)))";
    let memory = "(memory (export \"memory\") 1)";
    write!(
        text,
        "{memory}\n{data}\n{must}\n(func (export \"_start\")\n{start}\n))"
    )
    .expect("text grows");
    text
}
