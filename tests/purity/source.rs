//! Reads the sources of the product as text.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

pub(crate) fn rust_files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a readable directory");
        let mut entries: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        entries.sort();
        entries.iter().for_each(|entry| rust_files(entry, found));
    } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test(path) {
        found.push(path.to_owned());
    }
}

/// Returns true for `tests.rs`, `real_tests.rs`, `testing.rs`, and for files in a directory `tests` or `real_tests`.
fn is_test(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.ends_with("tests")
        || stem == "testing"
        || path.components().any(|part| part.as_os_str().to_string_lossy().ends_with("tests"))
}

/// Returns the lines of code with their numbers: no comments, and nothing behind the first `mod tests {`.
pub(crate) fn code(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).expect("a readable source");
    let lines = text.lines().take_while(|line| !line.starts_with("mod tests {"));
    let numbered = lines.enumerate().map(|(index, line)| (index + 1, line.to_owned()));
    numbered.filter(|(_, line)| !line.trim_start().starts_with("//")).collect()
}

pub(crate) fn relative(path: &Path) -> String {
    path.strip_prefix(source_root()).unwrap_or(path).to_string_lossy().into_owned()
}

/// Returns all files of the product.
pub(crate) fn product() -> Vec<PathBuf> {
    let mut files = Vec::new();
    rust_files(&source_root(), &mut files);
    files
}

/// Returns the lines of code as one text, in which a chain of calls is in one piece.
pub(crate) fn text(path: &Path) -> String {
    let lines = code(path).into_iter().map(|(_, line)| line + "\n");
    lines.collect::<String>().split('\n').fold(String::new(), |mut text, line| {
        if line.trim_start().starts_with('.') {
            text.truncate(text.trim_end().len());
            text.push_str(line.trim_start());
        } else {
            text.push_str(line);
        }
        text.push('\n');
        text
    })
}
