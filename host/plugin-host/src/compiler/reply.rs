//! What the child says: what it is, how long it is, the digest, and then the thing itself. Anything less than all of it
//! is the word of a child that crashed.

use std::io::{self, Write};

use crate::cache::{Sha, sha256};

/// Begins every reply. The digit is the version of this format.
const MAGIC: &[u8; 8] = b"flaky c1";
pub(super) const HEADER: usize = MAGIC.len() + 1 + 8 + 32;

/// How compiling ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// Native code.
    Code(Vec<u8>),
    /// It is no valid component, in the compiler's words.
    Refused(String),
}

impl Reply {
    pub(super) fn write(&self, mut out: impl Write) -> io::Result<()> {
        let (kind, body) = match self {
            Self::Code(code) => (b'c', code.as_slice()),
            Self::Refused(why) => (b'r', why.as_bytes()),
        };
        out.write_all(MAGIC)?;
        out.write_all(&[kind])?;
        out.write_all(&(body.len() as u64).to_le_bytes())?;
        out.write_all(&sha256(body))?;
        out.write_all(body)?;
        out.flush()
    }

    /// `None`: not all of a reply, or more.
    pub(super) fn read(mut said: Vec<u8>) -> Option<Self> {
        let (header, body) = said.split_at_checked(HEADER)?;
        let (magic, rest) = header.split_at_checked(MAGIC.len())?;
        let (kind, rest) = rest.split_first()?;
        let (length, digest) = rest.split_first_chunk::<8>()?;
        let digest: Sha = digest.try_into().ok()?;
        let whole = u64::from_le_bytes(*length) == body.len() as u64 && sha256(body) == digest;
        if magic != MAGIC || !whole {
            return None;
        }
        let kind = *kind;
        said.drain(..HEADER);
        match kind {
            b'c' => Some(Self::Code(said)),
            b'r' => Some(Self::Refused(String::from_utf8_lossy(&said).into_owned())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(reply: &Reply) -> Vec<u8> {
        let mut bytes = Vec::new();
        reply.write(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_was_said_is_what_is_heard() {
        for reply in [Reply::Code(vec![1, 2, 3]), Reply::Code(Vec::new()), Reply::Refused("no".into())] {
            assert_eq!(Reply::read(written(&reply)), Some(reply));
        }
    }

    #[test]
    fn a_reply_that_is_not_whole_is_none() {
        let whole = written(&Reply::Code(b"native code".to_vec()));
        for length in 0..whole.len() {
            assert_eq!(Reply::read(whole[..length].to_vec()), None, "{length} bytes");
        }
        assert_eq!(Reply::read([whole.clone(), vec![0]].concat()), None, "one byte more");
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            // Another kind of reply is still a whole one: `c` and `b` differ in one bit, `c` and `r` do not.
            assert_eq!(Reply::read(flipped), None, "a bit of byte {at}");
        }
    }
}
