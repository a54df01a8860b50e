//! Ids that are the same whenever they are made of the same text.

use sha1::{Digest, Sha1};

/// The namespace of all ids of ours: made once, by chance, and never changed.
const NAMESPACE: [u8; 16] =
    [0x5b, 0x1d, 0x0a, 0x6e, 0x7c, 0x43, 0x4f, 0x0e, 0x9a, 0x52, 0x6d, 0x3e, 0x18, 0xc4, 0x77, 0x21];

/// A UUID of version 5 (RFC 9562, section 5.5): a SHA-1 of namespace and text, with version and variant written over.
pub(super) fn of(text: &str) -> String {
    name_based(NAMESPACE, text)
}

fn name_based(namespace: [u8; 16], text: &str) -> String {
    let digest = Sha1::new().chain_update(namespace).chain_update(text).finalize();
    let mut out = String::with_capacity(36);
    for (at, byte) in digest.iter().take(16).enumerate() {
        let byte = match at {
            6 => (byte & 0x0f) | 0x50,
            8 => (byte & 0x3f) | 0x80,
            _ => *byte,
        };
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        for digit in [byte >> 4, byte & 0xf] {
            out.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_example_comes_out() {
        // RFC 9562, appendix A.4: the DNS namespace and `www.example.com`.
        let dns =
            [0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8];
        assert_eq!(name_based(dns, "www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    }
}
