//! Writes the replies about commands, in one protocol version or the other.

/// Appends values to `out`. Who announces a length writes that many values.
pub(super) struct ReplyWriter<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) resp3: bool,
}

impl ReplyWriter<'_> {
    pub(super) fn field(&mut self, name: &str, text: &str) {
        self.bulk(name.as_bytes());
        self.bulk(text.as_bytes());
    }

    pub(super) fn words(&mut self, words: impl Iterator<Item = &'static str> + Clone, prefix: &str) {
        self.set(words.clone().count());
        words.for_each(|word| self.simple(&format!("{prefix}{word}")));
    }

    pub(super) fn array(&mut self, len: usize) {
        self.line('*', len);
    }

    pub(super) fn set(&mut self, len: usize) {
        self.line(if self.resp3 { '~' } else { '*' }, len);
    }

    /// RESP2 has no maps: names and values in turn.
    pub(super) fn map(&mut self, len: usize) {
        if self.resp3 { self.line('%', len) } else { self.line('*', 2 * len) }
    }

    pub(super) fn integer(&mut self, number: i64) {
        self.line(':', number);
    }

    pub(super) fn simple(&mut self, text: &str) {
        self.line('+', text);
    }

    pub(super) fn error(&mut self, text: &str) {
        self.line('-', format_args!("ERR {text}"));
    }

    pub(super) fn null(&mut self) {
        if self.resp3 { self.line('_', "") } else { self.line('$', -1) }
    }

    pub(super) fn bulk(&mut self, bytes: &[u8]) {
        self.line('$', bytes.len());
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    fn line(&mut self, kind: char, rest: impl std::fmt::Display) {
        self.out.extend_from_slice(format!("{kind}{rest}\r\n").as_bytes());
    }
}
