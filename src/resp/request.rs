//! A request as it came: its raw bytes and the ranges of its arguments. Nothing is copied.

/// The range of one argument in the raw bytes of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArgRange {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

/// A complete request: argument 0 is the command's name, as the client wrote it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    raw: &'a [u8],
    args: &'a [ArgRange],
}

impl<'a> Request<'a> {
    /// Makes a request whose arguments are at `args` within `raw`. An argument beyond the end of `raw` does not exist.
    pub(crate) fn new(raw: &'a [u8], args: &'a [ArgRange]) -> Self {
        Request { raw, args }
    }

    /// Returns the bytes of the frame: as the client sent them, but an inline command as an array.
    pub(crate) fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Returns the number of arguments, the name included.
    pub(crate) fn len(&self) -> usize {
        self.args.len()
    }

    pub(crate) fn name(&self) -> &'a [u8] {
        self.arg(0).unwrap_or_default()
    }

    pub(crate) fn arg(&self, index: usize) -> Option<&'a [u8]> {
        let range = self.args.get(index)?;
        self.raw.get(range.start as usize..(range.start + range.len) as usize)
    }

    /// Returns the request without its first `count` arguments: of a command about commands, the inner command.
    pub(crate) fn skip(&self, count: usize) -> Request<'a> {
        Request { raw: self.raw, args: self.args.get(count..).unwrap_or_default() }
    }

    pub(crate) fn args(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        (0..self.args.len()).filter_map(|index| self.arg(index))
    }
}
