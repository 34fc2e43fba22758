//! Generates what the witx definitions imply: the wiggle traits, the functions
//! that link them, the table of all functions, and the record layouts.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use witx::{Document, InterfaceFunc, Layout, Type, WasmType};

/// The functions that may wait for something outside the guest. All others
/// are plain functions: an async one costs a boxed future a call.
const WAITING: &[(&str, &[&str])] = &[
    ("fastly_async_io", &["select"]),
    (
        "fastly_cache",
        &[
            "lookup",
            "transaction_lookup",
            "cache_busy_handle_wait",
            "get_state",
            "get_user_metadata",
            "get_body",
            "get_length",
            "get_max_age_ns",
            "get_stale_while_revalidate_ns",
            "get_age_ns",
            "get_hits",
            "replace",
        ],
    ),
    ("fastly_http_body", &["append", "read", "write"]),
    ("fastly_http_downstream", &["next_request_wait"]),
    (
        "fastly_http_req",
        &[
            "pending_req_select",
            "pending_req_select_v2",
            "pending_req_wait",
            "pending_req_wait_v2",
            "send",
            "send_v2",
            "send_v3",
        ],
    ),
    ("fastly_http_resp", &["send_downstream"]),
    (
        "fastly_image_optimizer",
        &["transform_image_optimizer_request"],
    ),
    (
        "fastly_kv_store",
        &["delete", "delete_wait", "insert", "insert_wait"],
    ),
    (
        "fastly_object_store",
        &[
            "delete_async",
            "insert",
            "insert_async",
            "pending_delete_wait",
            "pending_insert_wait",
        ],
    ),
];

/// Modules in which an undefined option bit is answered with `unsupported`;
/// everywhere else it is an invalid argument.
const UNKNOWN_BITS_UNSUPPORTED: &[&str] = &["fastly_cache", "fastly_http_cache"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=witx");
    for entry in fs::read_dir("witx").expect("the witx folder").flatten() {
        println!("cargo::rerun-if-changed={}", entry.path().display());
    }
    let document = witx::load(&["witx/fastly.witx"]).expect("valid witx definitions");
    let out = env::var_os("OUT_DIR").expect("OUT_DIR");
    let write = |name: &str, text: String| {
        fs::write(Path::new(&out).join(name), text).expect("OUT_DIR is writable")
    };
    write("bindings.rs", bindings(&document));
    write("link.rs", link(&document));
    write("functions.rs", functions(&document));
    write("layout.rs", layouts(&document));
}

fn waits(module: &str, function: &str) -> bool {
    WAITING
        .iter()
        .any(|(m, functions)| *m == module && functions.contains(&function))
}

fn bindings(document: &Document) -> String {
    for (module, functions) in WAITING {
        for function in *functions {
            let known = document.modules().any(|m| {
                m.name.as_str() == *module && m.funcs().any(|f| f.name.as_str() == *function)
            });
            assert!(known, "{module}::{function} waits but is not in the witx");
        }
    }
    let waiting: Vec<String> = WAITING
        .iter()
        .map(|(module, functions)| format!("{module}::{{{}}}", functions.join(", ")))
        .collect();
    format!(
        "wiggle::from_witx!({{\n    witx: [\"witx/fastly.witx\"],\n    errors: {{ fastly_status => trappable HostError }},\n    async: {{ {} }},\n    tracing: false,\n    wasmtime: false,\n}});\n",
        waiting.join(", ")
    )
}

fn wasm(ty: &WasmType) -> &'static str {
    match ty {
        WasmType::I32 => "i32",
        WasmType::I64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
    }
}

fn trait_name(module: &str) -> String {
    module
        .split('_')
        .map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_uppercase() + rest
        })
        .collect()
}

/// One linking function a module, over wiggle's functions at the level of
/// plain wasm values.
fn link(document: &Document) -> String {
    let mut text = String::new();
    for module in document.modules() {
        let name = module.name.as_str();
        let unknown_bits = if UNKNOWN_BITS_UNSUPPORTED.contains(&name) {
            "Unsupported"
        } else {
            "Inval"
        };
        let _ = write!(
            text,
            "/// Links every function of `{name}`.\npub fn {name}<T>(linker: &mut Linker<T>) -> wasmtime::Result<()>\nwhere\n    T: GuestState + crate::{name}::{} + Send + 'static,\n{{\n    const BITS: FastlyStatus = FastlyStatus::{unknown_bits};\n",
            trait_name(name)
        );
        for function in module.funcs() {
            link_function(&mut text, name, &function);
        }
        text.push_str("    Ok(())\n}\n\n");
    }
    text
}

fn link_function(text: &mut String, module: &str, function: &InterfaceFunc) {
    let name = function.name.as_str();
    let rust = if matches!(name, "yield" | "match") {
        format!("r#{name}")
    } else {
        name.to_owned()
    };
    let (params, _) = function.wasm_signature();
    let names: Vec<String> = (0..params.len()).map(|i| format!("a{i}")).collect();
    let types: Vec<&str> = params.iter().map(wasm).collect();
    let args: String = names.iter().map(|n| format!(", {n}")).collect();
    if waits(module, name) {
        let (names, types) = (tuple(&names), tuple(&types));
        let _ = write!(
            text,
            "    linker.func_wrap_async(\"{module}\", \"{name}\", |mut caller: Caller<'_, T>, {names}: {types}| {{\n        Box::new(async move {{\n            let (mut memory, state) = guest(&mut caller);\n            settle(crate::{module}::{rust}(state, &mut memory{args}).await, BITS)\n        }})\n    }})?;\n"
        );
    } else {
        let decls: String = names
            .iter()
            .zip(&types)
            .map(|(n, t)| format!(", {n}: {t}"))
            .collect();
        let _ = write!(
            text,
            "    linker.func_wrap(\"{module}\", \"{name}\", |mut caller: Caller<'_, T>{decls}| -> wasmtime::Result<i32> {{\n        let (mut memory, state) = guest(&mut caller);\n        settle(crate::{module}::{rust}(state, &mut memory{args}), BITS)\n    }})?;\n"
        );
    }
}

fn tuple<S: AsRef<str>>(items: &[S]) -> String {
    let inner: String = items
        .iter()
        .map(|item| format!("{}, ", item.as_ref()))
        .collect();
    format!("({})", inner.trim_end())
}

fn functions(document: &Document) -> String {
    let mut text = String::from("&[\n");
    for module in document.modules() {
        for function in module.funcs() {
            let (params, results) = function.wasm_signature();
            let list = |types: &[WasmType]| -> String {
                types
                    .iter()
                    .map(|t| format!("WasmType::{}, ", wasm(t).to_uppercase()))
                    .collect()
            };
            let _ = writeln!(
                text,
                "    Function {{ module: \"{}\", name: \"{}\", params: &[{}], results: &[{}] }},",
                module.name.as_str(),
                function.name.as_str(),
                list(&params),
                list(&results)
            );
        }
    }
    text.push(']');
    text
}

/// Byte offsets of the fields of every option record.
fn layouts(document: &Document) -> String {
    let mut text = String::new();
    for typename in document.typenames() {
        let Type::Record(record) = &**typename.type_() else {
            continue;
        };
        if record.bitflags_repr().is_some() {
            continue;
        }
        let name = typename.name.as_str();
        let _ = write!(
            text,
            "/// Offsets of the fields of `{name}`, in bytes.\npub mod {name} {{\n"
        );
        for field in record.member_layout() {
            let field_name = field.member.name.as_str();
            let _ = write!(
                text,
                "    /// Offset of `{field_name}`.\n    pub const {}: u32 = {};\n",
                field_name.to_uppercase(),
                field.offset
            );
        }
        let _ = write!(
            text,
            "    /// Size of the newest form of the record.\n    pub const SIZE: u32 = {};\n}}\n",
            record.mem_size()
        );
    }
    text
}
