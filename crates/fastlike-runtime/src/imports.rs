//! Imports of a guest that nobody provides.

use std::collections::HashSet;

use fastlike_abi::FUNCTIONS;
use wasmtime::{ExternType, FuncType, Linker, Module, Val};

use crate::error::{StartError, UnknownImport};
use crate::hostcalls;
use crate::sandbox::Sandbox;

/// What becomes of a program that imports functions which this runtime does
/// not have: [`Builder::unknown_imports`](crate::Builder::unknown_imports).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum UnknownImports {
    /// The program is refused, with the list of them.
    #[default]
    Refuse,
    /// The program is served; a run ends when it calls one.
    Trap,
    /// The program is served; a call of one gives 0, or a null reference.
    ZeroOrNull,
}

/// Every import that nobody provides, each with a hint.
///
/// # Errors
///
/// If such imports are refused, or one is no function: only functions can be
/// stood in for.
pub(crate) fn audit(
    name: &str,
    module: &Module,
    behavior: UnknownImports,
) -> Result<Vec<UnknownImport>, StartError> {
    let mut refused = false;
    let mut unknown = Vec::new();
    for import in module.imports() {
        if known(import.module(), import.name()) {
            continue;
        }
        let is_function = matches!(import.ty(), ExternType::Func(_));
        refused |= behavior == UnknownImports::Refuse || !is_function;
        unknown.push(UnknownImport {
            module: import.module().to_owned(),
            name: import.name().to_owned(),
            hint: if is_function {
                nearest(import.module(), import.name())
            } else {
                Some("it is no function".to_owned())
            },
        });
    }
    if refused {
        return Err(StartError::UnknownImports {
            name: name.to_owned(),
            imports: unknown,
        });
    }
    Ok(unknown)
}

/// Links something for each function that nobody provides.
pub(crate) fn stand_in(
    linker: &mut Linker<Sandbox>,
    module: &Module,
    behavior: UnknownImports,
) -> wasmtime::Result<()> {
    // A module may import the same function twice.
    let mut linked = HashSet::new();
    for import in module.imports() {
        let (from, name) = (import.module(), import.name());
        if known(from, name) || !linked.insert((from, name)) {
            continue;
        }
        let ExternType::Func(ty) = import.ty() else {
            continue;
        };
        let why = format!("unknown import: `{from}::{name}` has not been defined");
        let results = ty.clone();
        linker.func_new(from, name, ty, move |_, _, values| {
            let given = match behavior {
                UnknownImports::ZeroOrNull => zeros(&results, values),
                UnknownImports::Trap | UnknownImports::Refuse => None,
            };
            given.ok_or_else(|| wasmtime::Error::msg(why.clone()))
        })?;
    }
    Ok(())
}

/// Sets each result to 0 or null; none if one can be neither.
fn zeros(ty: &FuncType, values: &mut [Val]) -> Option<()> {
    for (value, ty) in values.iter_mut().zip(ty.results()) {
        *value = Val::default_for_ty(&ty)?;
    }
    Some(())
}

fn known(module: &str, name: &str) -> bool {
    FUNCTIONS
        .iter()
        .any(|f| f.module == module && f.name == name)
        || hostcalls::LEGACY
            .iter()
            .any(|row| row.0 == module && row.1 == name)
        || (module == "wasi_snapshot_preview1" && hostcalls::WASI.contains(&name))
}

fn nearest(module: &str, name: &str) -> Option<String> {
    let elsewhere = FUNCTIONS
        .iter()
        .find(|f| f.name == name && f.module != module);
    let similar = FUNCTIONS
        .iter()
        .find(|f| f.module == module && (f.name.contains(name) || name.contains(f.name)));
    let found = elsewhere.or(similar)?;
    Some(format!("there is `{}::{}`", found.module, found.name))
}
