//! The globs of manifests.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::manifest::{Manifest, Want};
use crate::project::ProjectGlobs;

/// Those of one manifest.
#[derive(Debug)]
pub(crate) struct Globs {
    pub(crate) report: GlobSet,
    pub(crate) tree: GlobSet,
    pub(crate) project: ProjectGlobs,
}

impl Globs {
    pub(crate) fn of(manifest: &Manifest) -> Self {
        let globs = |pick: fn(&Want) -> Option<&str>| set(manifest.wants.iter().filter_map(pick));
        let project: Vec<&str> = project_globs(manifest).collect();
        Self {
            report: globs(|w| if let Want::ReportFiles(glob) = w { Some(glob) } else { None }),
            tree: globs(|w| if let Want::TreeFiles(glob) = w { Some(glob) } else { None }),
            project: ProjectGlobs {
                depth: ProjectGlobs::depth_of(project.iter().copied()),
                set: set(project.into_iter()),
            },
        }
    }
}

/// Globs of project files.
pub(crate) fn project_globs(manifest: &Manifest) -> impl Iterator<Item = &str> {
    manifest
        .wants
        .iter()
        .filter_map(|w| if let Want::ProjectFiles(glob) = w { Some(glob.as_str()) } else { None })
}

/// Every glob was built once when its manifest was checked, so none is lost here.
pub(crate) fn set<'a>(globs: impl Iterator<Item = &'a str>) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for glob in globs.filter_map(|g| GlobBuilder::new(g).literal_separator(true).build().ok()) {
        set.add(glob);
    }
    set.build().unwrap_or_default()
}
