//! Components within the size limit that make a compiler work for long, or take much memory.

use wasm_encoder::{
    CodeSection, Component, ComponentTypeSection, ComponentValType, Encode, Function, FunctionSection,
    InstanceSection, Module, ModuleArg, ModuleSection, PrimitiveValType, TypeSection, ValType,
};

/// The largest body that the validator takes is 7,654,321 bytes.
const BODY: usize = 7_500_000;

/// A component with an instance of a module of functions of one type.
fn component(parameters: &[ValType], results: &[ValType], bodies: &[Function]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function(parameters.iter().copied(), results.iter().copied());
    let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
    for body in bodies {
        functions.function(0);
        code.function(body);
    }
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    let mut instances = InstanceSection::new();
    instances.instantiate::<[(&str, ModuleArg); 0], &str>(0, []);
    let mut component = Component::new();
    // Of modules without an instance nothing is compiled.
    component.section(&ModuleSection(&module)).section(&instances);
    component.finish()
}

/// One function, as large as any may be, in which thousands of values live at once.
pub(crate) fn huge_function() -> Vec<u8> {
    const LOCALS: u32 = 10_000;
    let mut body = Function::new([(LOCALS, ValType::I64)]);
    for local in 0..LOCALS {
        // All depend on the parameter, or they would be known numbers.
        body.instructions().local_get(0).i64_const(i64::from(local)).i64_xor().local_set(local);
    }
    let mut n = 1_u32;
    while body.byte_len() < BODY {
        // Every value depends on two others, a pseudo-random walk apart.
        n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (a, b, c) = (n % LOCALS, (n >> 8) % LOCALS, (n >> 16) % LOCALS);
        body.instructions().local_get(a).local_get(b).i64_mul().local_set(c);
    }
    body.instructions().local_get(0);
    for local in 1..LOCALS {
        // Nothing can be left out: all of it is the result.
        body.instructions().local_get(local).i64_xor();
    }
    body.instructions().end();
    component(&[ValType::I64], &[ValType::I64], &[body])
}

/// One function of loops in loops, a million deep.
pub(crate) fn deep_nesting() -> Vec<u8> {
    // Seven bytes for each, its end included.
    const LOOPS: usize = BODY / 7;
    let mut body = Function::new([(1, ValType::I32)]);
    for _ in 0..LOOPS {
        // loop; local.get 0; br_if 0
        body.raw([0x03, 0x40, 0x20, 0x00, 0x0d, 0x00]);
    }
    body.raw(std::iter::repeat_n(0x0b, LOOPS + 1));
    component(&[], &[], &[body])
}

/// Hundreds of thousands of functions.
pub(crate) fn many_functions() -> Vec<u8> {
    const FUNCTIONS: usize = 900_000;
    let mut body = Function::new([(4, ValType::I64)]);
    for _ in 0..4 {
        body.instructions().local_get(0).local_get(1).i64_mul().local_get(2).i64_xor().local_set(3);
    }
    body.instructions().end();
    component(&[], &[], &vec![body; FUNCTIONS])
}

/// A type of two of a type of two of a type, a hundred times: 2 to the power of 100 fields.
pub(crate) fn nested_types() -> Vec<u8> {
    let mut types = ComponentTypeSection::new();
    let byte = ComponentValType::Primitive(PrimitiveValType::U8);
    types.defined_type().tuple([byte, byte]);
    for below in 0..100 {
        let below = ComponentValType::Type(below);
        types.defined_type().tuple([below, below]);
    }
    let mut component = Component::new();
    component.section(&types);
    component.finish()
}

/// Components in components, hundreds deep.
pub(crate) fn nested_components() -> Vec<u8> {
    let mut inner = Component::new().finish();
    for _ in 0..500 {
        let mut outer = b"\0asm\x0d\0\x01\0".to_vec();
        outer.push(4); // a component
        inner.encode(&mut outer);
        inner = outer;
    }
    inner
}

/// With a function that does nothing.
pub(crate) fn honest() -> Vec<u8> {
    let mut body = Function::new([]);
    body.instructions().end();
    component(&[], &[], &[body])
}
