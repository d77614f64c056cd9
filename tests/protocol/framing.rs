//! The bytes of requests: their numbers, their ends, quotes and limits.

use super::common::conn::Conn;
use super::{Comparison, Pair, answer, masked};

pub(crate) const CASES: &[&[u8]] = &[
    // Arrays.
    b"*1\r\n$4\r\nPING\r\n",
    b"*2\r\n$4\r\nPING\r\n$0\r\n\r\n",
    b"*2\r\n$4\r\nECHO\r\n$5\r\na\r\nbc\r\n",
    b"*2\r\n$4\r\nECHO\r\n$3\r\n\0\xff\x80\r\n",
    b"*0\r\n",
    b"*0\r\n*0\r\n*1\r\n$4\r\nPING\r\n",
    b"*-1\r\n*1\r\n$4\r\nPING\r\n",
    b"*-5\r\nPING\r\n",
    b"*-2147483648\r\nPING\r\n",
    b"*-9223372036854775808\r\nPING\r\n",
    b"*-9223372036854775809\r\nPING\r\n",
    b"*1\r\n$0\r\n\r\n",
    b"*3\r\n$0\r\n\r\n$0\r\n\r\n$1\r\na\r\n",
    // The number of arguments.
    b"*\r\n",
    b"*\r\nPING\r\n",
    b"*-\r\n",
    b"*x\r\n",
    b"*1x\r\n",
    b"* 1\r\n$4\r\nPING\r\n",
    b"*1 \r\n$4\r\nPING\r\n",
    b"*+1\r\n$4\r\nPING\r\n",
    b"*01\r\n$4\r\nPING\r\n",
    b"*00\r\nPING\r\n",
    b"*-0\r\nPING\r\n",
    b"*1.0\r\n",
    b"*0x1\r\n",
    b"*1048576\r\nX",
    b"*1048577\r\n",
    b"*2147483647\r\n",
    b"*2147483648\r\n",
    b"*4294967297\r\n",
    b"*9223372036854775807\r\n",
    b"*9223372036854775808\r\n",
    b"*99999999999999999999999999\r\n",
    b"PING\r\n*x\r\nPING\r\n",
    b"*1\n$4\nPING\n\r\n",
    b"*1\r\n$4\nPING\r\n\r\n",
    b"*1\rX$4\r\nPING\r\n",
    b"*1\r\r\n$4\r\nPING\r\n",
    // The length of an argument.
    b"*1\r\n$\r\n",
    b"*1\r\n$-1\r\n",
    b"*1\r\n$-0\r\n",
    b"*1\r\n$x\r\n",
    b"*1\r\n$4x\r\nPING\r\n",
    b"*1\r\n$+4\r\nPING\r\n",
    b"*1\r\n$04\r\nPING\r\n",
    b"*1\r\n$00\r\n\r\n",
    b"*1\r\n$ 4\r\nPING\r\n",
    b"*1\r\n$4 \r\nPING\r\n",
    b"*1\r\n$4\rXPING\r\n",
    b"*1\r\n$536870913\r\n",
    b"*1\r\n$2147483648\r\n",
    b"*1\r\n$4294967300\r\nPING\r\n",
    b"*1\r\n$9223372036854775807\r\n",
    b"*1\r\n$9223372036854775808\r\n",
    b"*1\r\n$-9223372036854775808\r\n",
    b"*1\r\n$99999999999999999999999\r\n",
    b"*2\r\n$3\r\nGET\r\n$-1\r\n",
    b"*2\r\n$3\r\nGET\r\n$x\r\n",
    b"PING\r\n*2\r\n$3\r\nGET\r\n$x\r\nPING\r\n",
    // The sign of an argument.
    b"*1\r\nPING\r\n",
    b"*1\r\n*1\r\n",
    b"*1\r\n+PING\r\n",
    b"*1\r\n:1\r\n",
    b"*1\r\n-ERR\r\n",
    b"*1\r\n%1\r\n",
    b"*1\r\n_\r\n",
    b"*1\r\n\r\n",
    b"*1\r\n\n",
    b"*1\r\n'4\r\n",
    b"*1\r\n\\4\r\n",
    b"*1\r\n\"4\r\n",
    b"*1\r\n\x014\r\n",
    b"*1\r\n\x1b4\r\n",
    b"*1\r\n\x7f4\r\n",
    b"*1\r\n\x804\r\n",
    b"*1\r\n\xff4\r\n",
    b"*1\r\n\t4\r\n",
    b"*2\r\n$3\r\nGET\r\n:1\r\n",
    b"*2\r\n$3\r\nGET\r\n*1\r\n$1\r\na\r\n",
    b"*1\r\nX",
    // The end of an argument.
    b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n",
    b"*2\r\n$4\r\nECHO\r\n$3\r\nabc\n\n*1\r\n$4\r\nPING\r\n",
    b"*2\r\n$4\r\nECHO\r\n$3\r\nabc\0\0PING\r\n",
    b"*2\r\n$4\r\nECHO\r\n$2\r\nabc\r\nPING\r\n",
    b"*2\r\n$4\r\nECHO\r\n$5\r\nabc\r\nPING\r\n",
    // Inline commands.
    b"PING\r\n",
    b"PING\n",
    b"ping\n",
    b"  PING  \r\n",
    b"\tPING\tx\r\n",
    b"PING\x0bx\r\n",
    b"PING\x0cx\r\n",
    b"PING\rx\r\n",
    b"\r\n\r\nPING\r\n",
    b"\n\nPING\n",
    b" \r\nPING\r\n",
    b"\rPING\r\n",
    b"ECHO \"a b\"\r\n",
    b"ECHO 'a b'\r\n",
    b"ECHO \"\"\r\n",
    b"ECHO ''\r\n",
    b"ECHO \"\\x41\\x00\\xff\\n\\r\\t\\b\\a\\\\\\\"\\q\"\r\n",
    b"ECHO \"\\x4\"\r\n",
    b"ECHO \"\\xzz\"\r\n",
    b"ECHO \"\\X41\"\r\n",
    b"ECHO '\\x41\\n\\'\\\\'\r\n",
    b"ECHO \\x41\r\n",
    b"ECHO a\"b c\"\r\n",
    b"ECHO a'b c'\r\n",
    b"ECHO \"a\"b\r\n",
    b"ECHO 'a'b\r\n",
    b"ECHO \"a\"'b'\r\n",
    b"ECHO \"a\r\n",
    b"ECHO 'a\r\n",
    b"ECHO \"a\\\"\r\n",
    b"ECHO \"a\\\r\n",
    b"ECHO \"a\\\\\r\n",
    b"ECHO 'a\\'\r\n",
    b"PING\r\nECHO \"a\r\nPING\r\n",
    b"ECHO \xff\xfe\r\n",
    b"\x0b\x0cPING\r\n",
    b"ECHO \"a\"\x0b\r\n",
    b"ECHO a\x0bb\x0c\r\n",
    b"ECHO \x0ba\r\n",
    b"ECHO \"a\"\n",
    b"ECHO \"a\"\r\r\n",
    b"ECHO a\r\r\n",
    b"\"PING\"\r\n",
    b"\"\"\r\nPING\r\n",
    b"\"\" a\r\nPING\r\n",
    b"$4\r\nPING\r\n",
    b":1\r\n",
    b"+OK\r\nPING\r\n",
    b"-ERR\r\nPING\r\n",
    b"%1\r\n",
    b"~1\r\n",
    b">1\r\n",
    b"|1\r\n",
    b"_\r\n",
    b"#t\r\n",
    b"(1\r\n",
    b"=1\r\n",
    b"!1\r\n",
    b",1\r\n",
    b"?\r\n",
    // Words of the web.
    b"POST / HTTP/1.1\r\nPING\r\n",
    b"post x\r\nPING\r\n",
    b"PING\r\nHost: x\r\nPING\r\n",
    b"host: x\r\nPING\r\n",
    b"*1\r\n$4\r\nPOST\r\n*1\r\n$4\r\nPING\r\n",
    b"*1\r\n$5\r\nHost:\r\n*1\r\n$4\r\nPING\r\n",
    b"GET / HTTP/1.1\r\n\r\nPING\r\n",
    b"HEAD / HTTP/1.1\r\n\r\nPING\r\n",
    b"OPTIONS * HTTP/1.1\r\n\r\nPING\r\n",
    // Several in one piece.
    b"PING\r\n*1\r\n$4\r\nPING\r\nPING\n*2\r\n$4\r\nECHO\r\n$1\r\nx\r\n",
    b"SET framing 1\r\nGET framing\r\n*1\r\nx",
    b"QUIT\r\nPING\r\n",
    b"QUIT\r\n*x\r\n",
    b"QUIT x y\r\nPING\r\n",
    b"NOSUCH\r\nPING\r\n",
    b"NOSUCH \"a\\r\\nb\" \"c\\x00d\" e\r\n",
    b"\"NO\\r\\nSUCH\" a\r\n",
    b"\"NO\\x00SUCH\" a\r\n",
    b"\"NO\\xffSUCH\" \"\\xfe\"\r\n",
    b"NO'SUCH'\r\n",
];

/// Requests with a NUL before the end of their line. The server does not see the end, and waits for it.
const UNANSWERED: &[(&[u8], &str)] = &[
    (b"*\0\r\n", r"-ERR Protocol error: invalid multibulk length\r\n"),
    (b"*1\0\r\n", r"-ERR Protocol error: invalid multibulk length\r\n"),
    (b"*1\r\n$4\0\r\nPING\r\n", r"-ERR Protocol error: invalid bulk length\r\n"),
    (b"*1\r\n\x004\r\n", r"-ERR Protocol error: expected \'$\', got \'\x00\'\r\n"),
    (b"\0\r\nPING\r\n", r"-ERR unknown command \'\', with args beginning with: \r\n+PONG\r\n+OK\r\n"),
    (b"PING\0\r\nPING\r\n", r"-ERR unknown command \'PING\', with args beginning with: \r\n+PONG\r\n+OK\r\n"),
    (b"PING a\0b\r\nPING\r\n", r"$3\r\na\x00b\r\n+PONG\r\n+OK\r\n"),
    (b"ECHO \"a\0b\"\r\nPING\r\n", r"$3\r\na\x00b\r\n+PONG\r\n+OK\r\n"),
];

#[test]
fn bytes_of_any_kind_are_answered_as_by_the_server() {
    let pair = Pair::start();
    let mut comparison = Comparison::of("framing");
    for case in CASES.iter().map(|case| case.to_vec()).chain(long_ones()) {
        comparison.take(&case, &case, pair.answers(&case));
    }
    comparison.end();
    for (case, expected) in UNANSWERED {
        assert_eq!(answer(pair.through.client(), case), *expected, "{}", case.escape_ascii());
    }
}

/// Returns cases around the limits, which are too long to be written down.
fn long_ones() -> Vec<Vec<u8>> {
    let line = |len: usize| [b"ECHO ".as_slice(), &vec![b'x'; len - 5]].concat();
    let mut cases = Vec::new();
    // A server takes longer lines too, if their end comes with the same read as the bytes beyond the limit.
    for len in [1000, 16_384, 60_000, 65_535] {
        cases.push([&line(len), b"\r\n".as_slice()].concat());
        cases.push([&line(len + 1), b"\n".as_slice()].concat());
    }
    let name = "n".repeat(200);
    cases.push(format!("{name} {name} b\r\n").into_bytes());
    cases.push(format!("CLIENT {name}\r\n").into_bytes());
    cases.push(format!("OBJECT {name}\r\n").into_bytes());
    cases.push(format!("HELLO 3 {name}\r\n").into_bytes());
    cases.push(format!("MULTI\r\nOBJECT {name}\r\n{name} {name} b\r\n").into_bytes());
    let words: String = (0..300).map(|n| format!(" w{n}")).collect();
    cases.push(format!("NOSUCH{words}\r\n").into_bytes());
    cases.push(format!("PING{words}\r\n").into_bytes());
    let array =
        |count: usize| format!("*{count}\r\n$3\r\nDEL\r\n{}", "$1\r\nk\r\n".repeat(count - 1)).into_bytes();
    cases.extend([1000, 100_000, 1_100_000].map(array));
    cases
}

/// A fault is told when its line is whole, or has become too long: nothing comes behind these bytes.
#[test]
fn a_fault_is_told_when_the_server_tells_it() {
    let pair = Pair::start();
    let mut comparison = Comparison::of("faults");
    let mut cases: Vec<Vec<u8>> = [
        &b"*x\r\n"[..],
        b"*1\r\n$x\r\n",
        b"*1\r\n:\r\n",
        b"*2147483648\r\n",
        b"*2\r\n$3\r\nGET\r\n$536870913\r\n",
        b"*2\r\n$3\r\nGET\r\n*\r\n",
        b"PING \"a\n",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    for len in [(64 << 10) + 1, 80 << 10] {
        for head in [&b"*"[..], b"*1\r\n$", b"*1\r\n:", b"x"] {
            cases.extend([b'1', b'x'].map(|byte| [head, &vec![byte; len]].concat()));
        }
    }
    for case in cases {
        let told = |mut conn: Conn| {
            conn.write(&case);
            masked(&conn.rest())
        };
        comparison.take(&case, &case, (told(pair.bare.direct()), told(pair.through.client())));
    }
    comparison.end();
}

#[test]
fn bytes_that_come_one_by_one_are_the_same_bytes() {
    let pair = Pair::start();
    // The connection of a web page ends at once, before the replies to what came with it.
    let of_the_web = |case: &[u8]| case.to_ascii_lowercase().windows(5).any(|word| word == b"host:");
    for case in CASES.iter().filter(|case| !of_the_web(case)) {
        let whole = answer(pair.through.client(), case);
        let mut client = pair.through.client();
        for byte in [case, b"*1\r\n$4\r\nQUIT\r\n".as_slice()].concat() {
            if client.try_write(&[byte]).is_err() {
                break;
            }
        }
        assert_eq!(masked(&client.rest()), whole, "{}", case.escape_ascii());
    }
}
