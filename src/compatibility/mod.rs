//! Writes docs/compatibility.md: what the proxy does with each command, and which test suites pass through it.
//!
//! What happens with a command is not described a second time here. The page is made of the decisions themselves: the table of
//! commands, [`crate::face`], [`crate::route`] and [`crate::failover`] are asked about an example of each command. What the suites
//! have shown is read from `tests/suites`. The test fails if the page is not what they say; `make compatibility` writes it.

mod again;
mod example;
mod page;
mod suites;
mod ways;

use std::path::Path;

const PAGE: &str = "docs/compatibility.md";

#[test]
fn the_page_about_compatibility_is_what_the_code_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = page::page();
    if std::env::var_os("TIDEOVER_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("a file that can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = page.lines().zip(written.lines()).find(|(now, before)| now != before);
    assert!(
        page == written,
        "{PAGE} is out of date: run `make compatibility`. The first difference: {differs:?}"
    );
}
