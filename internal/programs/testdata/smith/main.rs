// smithgen COUNT DIR writes COUNT modules made by wasm-smith.
use arbitrary::Unstructured;
use wasm_smith::{Config, Module};

const EXPORTS: &str = r#"(module
  (memory (export "memory") 2 5)
  (func (export "main") (param i32 i32 i64) (result i64) unreachable)
  INITIALIZE)"#;

// What makes a carrel agent of it: the request decides what main is given, and
// the reply is where memory begins.
const AGENT: &str = r#"
  (func (export "carrel_alloc") (param i32) (result i32) i32.const 16384)
  (func (export "carrel_run") (param i32 i32) (result i64)
    i32.const 8
    (i32.load (local.get 0)) (i32.load8_u (local.get 0)) (i64.load (local.get 0))
    call MAIN
    i64.store
    i64.const 16384))
"#;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let count: u64 = args[1].parse().unwrap();
    for seed in 0..count {
        // Programs that end may have an _initialize, which nothing else ends.
        let ends = seed % 2 == 0;
        let init = if ends { r#"(func (export "_initialize"))"# } else { "" };
        let config = Config {
            exports: Some(wat::parse_str(EXPORTS.replace("INITIALIZE", init)).unwrap()),
            max_imports: 0,
            min_funcs: 3, max_funcs: 6,
            max_instructions: 30 + (seed % 5) as usize * 40,
            max_memories: 0, max_memory32_bytes: 5 << 16,
            max_tables: 3, min_tables: 1, max_table_elements: 64, max_elements: 8, max_element_segments: 4,
            max_data_segments: 3, max_globals: 8, max_types: 8, max_values: 4, max_nesting_depth: 8,
            allow_start_export: ends,
            disallow_traps: seed % 3 > 0,
            canonicalize_nans: true,
            simd_enabled: true, relaxed_simd_enabled: false,
            threads_enabled: false, tail_call_enabled: false, exceptions_enabled: false, gc_enabled: false,
            memory64_enabled: false, compact_imports_enabled: false, wide_arithmetic_enabled: false,
            extended_const_enabled: false, shared_everything_threads_enabled: false,
            ..Config::default()
        };
        let mut x = seed.wrapping_mul(0x9e3779b97f4a7c15) | 1;
        let bytes: Vec<u8> = (0..6000).map(|_| { x ^= x << 13; x ^= x >> 7; x ^= x << 17; (x >> 24) as u8 }).collect();
        let mut u = Unstructured::new(&bytes);
        let Ok(mut module) = Module::new(config, &mut u) else { continue };
        if ends { module.ensure_termination(2000).unwrap(); }
        let text = wasmprinter::print_bytes(module.to_bytes()).unwrap();
        let main = text.split(r#"(export "main" (func "#).nth(1).unwrap().split(')').next().unwrap();
        let agent = AGENT.replace("MAIN", main);
        let text = text.trim_end().strip_suffix(')').unwrap().to_string() + &agent;
        let bytes = wat::parse_str(&text).unwrap();
        std::fs::write(format!("{}/{:04}.wasm", args[2], seed), bytes).unwrap();
    }
}
