//! Archives whose bytes depend on their content alone.

use std::io::Write;

use flaky_core::date::Date;
use flaky_core::history::Timestamp;
use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

use crate::Result;

/// A file of an archive.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    path: String,
    mode: u32,
    content: Vec<u8>,
}

impl Member {
    pub(crate) fn program(path: &str, content: Vec<u8>) -> Self {
        Self { path: path.to_owned(), mode: 0o755, content }
    }

    pub(crate) fn file(path: &str, content: Vec<u8>) -> Self {
        Self { path: path.to_owned(), mode: 0o644, content }
    }
}

/// The program first, since the action unpacks nothing else, then by path.
fn sort(members: &mut [Member]) {
    members.sort_by(|a, b| (b.mode, &a.path).cmp(&(a.mode, &b.path)));
}

/// A tar, gzipped; owner, time and the name in
/// gzip's header say nothing of the machine.
pub(crate) fn archive(mut members: Vec<Member>, epoch: u64) -> Result<Vec<u8>> {
    sort(&mut members);
    let packed = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(packed);
    for member in &members {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(member.mode);
        header.set_size(member.content.len() as u64);
        header.set_mtime(epoch);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, &member.path, member.content.as_slice())?;
    }
    let mut packed = tar.into_inner()?;
    packed.flush()?;
    Ok(packed.finish()?)
}

/// The same as a zip, which Windows opens without a program.
pub(crate) fn zip(mut members: Vec<Member>, epoch: u64) -> Result<Vec<u8>> {
    sort(&mut members);
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for member in &members {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(day(epoch)?)
            .unix_permissions(member.mode);
        zip.start_file(&member.path, options)?;
        zip.write_all(&member.content)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// The day alone: archives of this kind know no time zones.
fn day(epoch: u64) -> Result<zip::DateTime> {
    let date = Date::of(Timestamp(i64::try_from(epoch)?)).to_string();
    let mut numbers = date.split('-').map(str::parse::<u16>);
    let mut next = || numbers.next().ok_or("a day has three numbers");
    let (year, month, day) = (next()??, next()??, next()??);
    Ok(zip::DateTime::from_date_and_time(year, u8::try_from(month)?, u8::try_from(day)?, 0, 0, 0)?)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn members() -> Vec<Member> {
        vec![
            Member::file("man/flaky.1", b"page".to_vec()),
            Member::program("flaky", b"#!/bin/sh\n".to_vec()),
            Member::file("LICENSE-MIT", b"free".to_vec()),
        ]
    }

    #[test]
    fn the_same_files_give_the_same_bytes_in_whatever_order_they_come() {
        let one = archive(members(), 1_000_000_000).unwrap();
        let other = archive(members().into_iter().rev().collect(), 1_000_000_000).unwrap();
        assert_eq!(one, other);
        assert_ne!(one, archive(members(), 1_000_000_001).unwrap());
    }

    #[test]
    fn a_zip_depends_on_its_files_alone_and_holds_them_all() {
        let one = zip(members(), 1_000_000_000).unwrap();
        assert_eq!(one, zip(members().into_iter().rev().collect(), 1_000_000_000).unwrap());
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(one)).unwrap();
        let mut found = Vec::new();
        for index in 0..archive.len() {
            let mut file = archive.by_index(index).unwrap();
            let mut content = String::new();
            file.read_to_string(&mut content).unwrap();
            assert_eq!(
                file.last_modified().map(|time| (time.year(), time.month(), time.day())),
                Some((2001, 9, 9))
            );
            found.push((file.name().to_owned(), content));
        }
        let expected = [("flaky", "#!/bin/sh\n"), ("LICENSE-MIT", "free"), ("man/flaky.1", "page")];
        assert_eq!(found, expected.map(|(name, content)| (name.to_owned(), content.to_owned())));
    }

    #[test]
    fn an_archive_says_nothing_of_who_made_it() {
        let packed = archive(members(), 1_000_000_000).unwrap();
        // Flags, time and system of gzip's header (RFC 1952, 2.3): none, none, unknown.
        assert_eq!((packed[3], &packed[4..8], packed[9]), (0, &[0; 4][..], 255));
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(packed.as_slice()));
        let told = |entry: std::io::Result<tar::Entry<'_, _>>| {
            let mut entry = entry.unwrap();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            let header = entry.header();
            let owner = (header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap());
            assert_eq!(owner, (0, 0, 1_000_000_000));
            assert_eq!((header.username_bytes(), header.groupname_bytes()), (Some(&b""[..]), Some(&b""[..])));
            (entry.path().unwrap().display().to_string(), header.mode().unwrap(), content)
        };
        let entries: Vec<_> = tar.entries().unwrap().map(told).collect();
        let expected =
            [("flaky", 0o755, "#!/bin/sh\n"), ("LICENSE-MIT", 0o644, "free"), ("man/flaky.1", 0o644, "page")];
        assert_eq!(entries, expected.map(|(path, mode, text)| (path.to_owned(), mode, text.to_owned())));
    }
}
