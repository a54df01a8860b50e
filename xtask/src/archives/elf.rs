//! Whether a program is static: read from its program headers, since `ldd` runs what it looks at.

use crate::Result;

/// `PT_INTERP`: names the dynamic loader.
const INTERPRETER: u32 = 3;

/// What loads the program, if something has to.
pub(crate) fn interpreter(content: &[u8]) -> Result<Option<String>> {
    // 64 bits, little-endian: both machines that we release for.
    if content.get(..6) != Some(b"\x7fELF\x02\x01") {
        return Err("not a 64-bit, little-endian ELF file".into());
    }
    let number = |at: usize, size: usize| {
        let bytes = content.get(at..at + size).ok_or("the ELF file ends early")?;
        Ok::<_, &str>(bytes.iter().rev().fold(0_usize, |number, byte| number << 8 | usize::from(*byte)))
    };
    let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    for header in (0..count).map(|index| table + index * size) {
        if number(header, 4)? == INTERPRETER as usize {
            let (at, length) = (number(header + 8, 8)?, number(header + 32, 8)?);
            let name = content.get(at..at + length).ok_or("the ELF file ends early")?;
            return Ok(Some(String::from_utf8_lossy(name).trim_end_matches('\0').to_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_is_dynamic_and_without_its_loader_it_would_not_be() {
        let mut content = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let name = interpreter(&content).unwrap().unwrap();
        assert!(name.starts_with("/lib"), "{name}");
        // No program headers at all.
        content[56..58].fill(0);
        assert_eq!(interpreter(&content).unwrap(), None);
        assert!(interpreter(&content[..40]).is_err());
        assert!(interpreter(b"#!/bin/sh").is_err());
    }
}
