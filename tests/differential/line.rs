//! One command of a client, as it is sent.

use tideover_testbed::client::encode;

/// One command, or bytes that are none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    pub(crate) args: Vec<Vec<u8>>,
    /// Bytes to be sent as they are.
    pub(crate) raw: Option<&'static [u8]>,
    /// Nothing is answered.
    pub(crate) silent: bool,
    /// It is sent as a line of text, if it is not too long.
    pub(crate) inline: bool,
    /// It is sent in one pipeline with the one in front of it.
    pub(crate) glued: bool,
    /// It is the last of its pipeline.
    pub(crate) cut: bool,
    /// It may end the connection.
    pub(crate) closes: bool,
    /// The story that it belongs to.
    pub(crate) unit: usize,
}

/// The longest line of text.
const INLINE: usize = 10_000;

impl Line {
    pub(crate) fn of(args: Vec<Vec<u8>>) -> Self {
        Self { args, ..Self::default() }
    }

    pub(crate) fn raw(bytes: &'static [u8], silent: bool) -> Self {
        Self { raw: Some(bytes), silent, ..Self::default() }
    }

    /// Returns the bytes to send.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let len: usize = self.args.iter().map(Vec::len).sum();
        match self.raw {
            Some(bytes) => bytes.to_vec(),
            None if self.inline && len < INLINE => self.quoted(),
            None => encode(&self.args),
        }
    }

    fn quoted(&self) -> Vec<u8> {
        let word = |arg: &Vec<u8>| {
            let plain = !arg.is_empty() && arg.iter().all(u8::is_ascii_alphanumeric);
            let text = || arg.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
            if plain { String::from_utf8_lossy(arg).into_owned() } else { format!("\"{}\"", text()) }
        };
        let words: Vec<String> = self.args.iter().map(word).collect();
        format!("{}\r\n", words.join(" ")).into_bytes()
    }

    /// Returns it as people read it.
    pub(crate) fn shown(&self) -> String {
        let word = |arg: &Vec<u8>| match arg.escape_ascii().to_string() {
            text if text.is_empty() => "''".to_owned(),
            text if text.len() > 300 => format!("{}…({} bytes)", &text[..60], arg.len()),
            text if text.contains(' ') => format!("\"{text}\""),
            text => text,
        };
        match self.raw {
            Some(bytes) => format!("bytes {}", bytes.escape_ascii()),
            None => self.args.iter().map(word).collect::<Vec<_>>().join(" "),
        }
    }
}
