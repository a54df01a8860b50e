//! Whether a program for Windows needs a library that Windows does not have: those of the C compiler.

use crate::Result;

/// Beginnings of the names of libraries that compilers of the GNU kind link to unless told otherwise.
const NOT_OF_WINDOWS: [&str; 5] = ["libgcc_", "libstdc++", "libwinpthread", "libssp", "libunwind"];

/// The first such library that the program names, if there is one. Names of libraries stand in it as text.
pub(crate) fn library(content: &[u8]) -> Result<Option<String>> {
    if content.get(..2) != Some(b"MZ") {
        return Err("not a program for Windows".into());
    }
    let found = NOT_OF_WINDOWS.iter().find_map(|name| named(content, name));
    Ok(found)
}

/// A name that begins so and ends with `.dll`.
fn named(content: &[u8], begins: &str) -> Option<String> {
    /// Longer than the name of any of them.
    const MOST: usize = 40;
    let at = content.windows(begins.len()).enumerate().filter(|(_, part)| *part == begins.as_bytes());
    at.filter_map(|(at, _)| {
        let name = content.get(at..(at + MOST).min(content.len()))?.split(|byte| *byte == 0).next()?;
        let name = std::str::from_utf8(name).ok()?;
        name.ends_with(".dll").then(|| name.to_owned())
    })
    .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_of_the_compiler_is_found_by_its_whole_name() {
        let program = |names: &[&str]| [b"MZ\x90\0", names.join("\0").as_bytes(), b"\0"].concat();
        assert_eq!(library(&program(&["KERNEL32.dll", "libgcc_"])).unwrap(), None);
        let found = library(&program(&["KERNEL32.dll", "libgcc_s_seh-1.dll"])).unwrap();
        assert_eq!(found.as_deref(), Some("libgcc_s_seh-1.dll"));
        assert!(library(b"\x7fELF").is_err());
    }
}
