//! Whether a program for macOS needs a library that macOS does not have.

use crate::Result;

/// Load commands that name a library: by need, weakly, as its own, late, upwards (`LC_LOAD_DYLIB` and its like in Apple's
/// `mach-o/loader.h`).
const NAMES_A_LIBRARY: [usize; 5] = [0xc, 0x8000_0018, 0x8000_001f, 0x20, 0x8000_0023];

/// Where libraries are that come with the system.
const OF_THE_SYSTEM: [&str; 2] = ["/usr/lib/", "/System/Library/"];

/// The first library from elsewhere that the program names, if there is one.
pub(crate) fn library(content: &[u8]) -> Result<Option<String>> {
    /// Bytes of the header, behind which the load commands stand.
    const HEADER: usize = 32;
    // 64 bits, little-endian: both machines that we release for.
    if content.get(..4) != Some(&[0xcf, 0xfa, 0xed, 0xfe]) {
        return Err("not a 64-bit, little-endian Mach-O file".into());
    }
    let number = |at: usize| {
        let bytes = content.get(at..at + 4).ok_or("the Mach-O file ends early")?;
        Ok::<_, &str>(bytes.iter().rev().fold(0_usize, |number, byte| number << 8 | usize::from(*byte)))
    };
    let mut at = HEADER;
    for _ in 0..number(16)? {
        let size = number(at + 4)?;
        let command = content.get(at..at + size).filter(|command| command.len() >= 12);
        let command = command.ok_or("the Mach-O file ends early")?;
        if NAMES_A_LIBRARY.contains(&number(at)?) {
            let name = command.get(number(at + 8)?..).ok_or("the Mach-O file ends early")?;
            let name = String::from_utf8_lossy(name.split(|byte| *byte == 0).next().unwrap_or_default());
            if !OF_THE_SYSTEM.iter().any(|folder| name.starts_with(folder)) {
                return Ok(Some(name.into_owned()));
            }
        }
        at += size;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header, and commands with the text that stands behind their numbers.
    fn program(commands: &[(u32, &str)]) -> Vec<u8> {
        let mut content = vec![0; 32];
        content[..4].copy_from_slice(&[0xcf, 0xfa, 0xed, 0xfe]);
        content[16] = u8::try_from(commands.len()).unwrap();
        for (command, text) in commands {
            let size = u32::try_from(24 + text.len() + 1).unwrap();
            content.extend([*command, size, 24, 0, 0, 0].iter().flat_map(|number| number.to_le_bytes()));
            content.extend(text.as_bytes());
            content.push(0);
        }
        content
    }

    #[test]
    fn a_library_from_elsewhere_is_found_by_whatever_command_names_it() {
        let system = [(0xc, "/usr/lib/libSystem.B.dylib"), (0xc, "/System/Library/Frameworks/Security")];
        assert_eq!(library(&program(&system)).unwrap(), None);
        for command in [0xc, 0x8000_0018, 0x8000_001f] {
            let found = library(&program(&[system[0], (command, "/opt/homebrew/lib/libssl.3.dylib")]));
            assert_eq!(found.unwrap().as_deref(), Some("/opt/homebrew/lib/libssl.3.dylib"));
        }
        // The name of the program itself, say.
        assert_eq!(library(&program(&[(0xd, "@rpath/own.dylib")])).unwrap(), None);
        let whole = program(&system);
        assert!(library(&whole[..whole.len() - 1]).is_err() && library(&whole[..40]).is_err());
        assert!(library(b"\x7fELF").is_err());
    }
}
