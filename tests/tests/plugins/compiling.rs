//! The binary compiles components from elsewhere in a process of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use flaky_tests::Flaky;

/// A component of one module with 900,000 functions: minutes of work.
fn bomb() -> Vec<u8> {
    const FUNCTIONS: u32 = 900_000;
    // local i64 × 2; local.get 0; local.get 1; i64.mul; local.set 1; end
    const BODY: [u8; 11] = [0x0a, 0x01, 0x02, 0x7e, 0x20, 0x00, 0x20, 0x01, 0x7e, 0x1a, 0x0b];
    let types = [1, 0x60, 0, 0];
    let mut functions = number(FUNCTIONS);
    functions.resize(functions.len() + FUNCTIONS as usize, 0);
    let mut code = number(FUNCTIONS);
    code.extend(BODY.repeat(FUNCTIONS as usize));
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    for (id, section) in [(1, &types[..]), (3, &functions), (10, &code)] {
        module.push(id);
        module.extend(number(u32::try_from(section.len()).unwrap()));
        module.extend(section);
    }
    let mut component = b"\0asm\x0d\0\x01\0\x01".to_vec();
    component.extend(number(u32::try_from(module.len()).unwrap()));
    component.extend(module);
    component
}

/// As WebAssembly writes it (LEB128).
fn number(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// The compiler that this process started.
fn compiler_of(parent: u32) -> Option<PathBuf> {
    fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()).find(|process| {
        let words = fs::read_to_string(process.join("cmdline")).unwrap_or_default();
        let status = fs::read_to_string(process.join("status")).unwrap_or_default();
        words.starts_with("flaky: compiler of plugins") && status.contains(&format!("\nPPid:\t{parent}\n"))
    })
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_compiler_is_held_to_limits_and_ends_with_the_program_that_started_it() {
    let flaky = Flaky::new().empty_cache().file("bomb.wasm", bomb());
    let mut command = flaky.command(&["plugin", "precompile", "bomb.wasm"]);
    let mut program = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let compiler = wait_for("a compiler is started", || {
        let compiler = compiler_of(program.id())?;
        let limits = fs::read_to_string(compiler.join("limits")).ok()?;
        let space = limits.lines().find(|line| line.contains("address space"))?;
        (!space.contains("unlimited")).then_some(compiler)
    });
    assert_eq!(fs::read(compiler.join("environ")).unwrap_or_default(), b"");
    program.kill().unwrap();
    program.wait().unwrap();
    wait_for("the compiler ends", || is_gone(&compiler).then_some(()));
}

/// A process that nobody has waited for yet is gone as well.
fn is_gone(process: &Path) -> bool {
    let status = fs::read_to_string(process.join("status")).unwrap_or_default();
    status.is_empty() || status.contains("\nState:\tZ")
}
