//! Parses backend URLs: `redis://`, `redis-sentinel://`, `redis-cluster://`, `redis-active://` and their TLS forms.
//!
//! A URL is a short form of the section `[proxy.backend]`. No message here repeats a part of a URL that may hold a
//! password.

use percent_encoding::percent_decode_str;
use thiserror::Error;

use super::Credentials;

/// The parts of a URL, as values of `[proxy.backend]`. The nodes are not parsed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BackendUrl {
    pub(super) kind: &'static str,
    pub(super) tls: bool,
    pub(super) nodes: Vec<String>,
    pub(super) master: Option<String>,
    pub(super) credentials: Option<Credentials>,
    pub(super) sentinel_credentials: Option<Credentials>,
}

#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum UrlError {
    #[error(
        "unknown scheme; allowed: redis://, redis-sentinel://, redis-cluster://, redis-active://, or rediss…:// for TLS"
    )]
    Scheme,
    #[error("a user without a password; allowed: user:password@, or :password@ for the password alone")]
    UserWithoutPassword,
    #[error(
        "user, password or master is not percent-encoded UTF-8; allowed: %XX for every special character"
    )]
    Encoding,
    #[error("no host; allowed: host:port, several separated by commas")]
    NoHost,
    #[error("no master name; allowed: redis-sentinel://s1:26379,s2:26379/mymaster")]
    NoMaster,
    #[error("a path that this kind of URL does not have; clients choose their database with SELECT")]
    Path,
    #[error(
        "a query or fragment that this kind of URL does not have; allowed: sentinel_username and sentinel_password with redis-sentinel://"
    )]
    Query,
}

pub(super) fn parse(url: &str) -> Result<BackendUrl, UrlError> {
    let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
    let (kind, tls) = kind(scheme).ok_or(UrlError::Scheme)?;
    if rest.contains('#') {
        return Err(UrlError::Query);
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    // A password may hold an unescaped "/" or "@", so the hosts begin behind the last "@".
    let (user_info, rest) = rest.rsplit_once('@').map_or((None, rest), |(info, rest)| (Some(info), rest));
    let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
    Ok(BackendUrl {
        kind,
        tls,
        nodes: nodes(hosts)?,
        master: master(kind, path)?,
        credentials: user_info.map(credentials).transpose()?,
        sentinel_credentials: sentinel_credentials(kind, query)?,
    })
}

fn kind(scheme: &str) -> Option<(&'static str, bool)> {
    match scheme {
        "redis" => Some(("fixed", false)),
        "rediss" => Some(("fixed", true)),
        "redis-sentinel" => Some(("sentinel", false)),
        "rediss-sentinel" => Some(("sentinel", true)),
        "redis-cluster" => Some(("cluster", false)),
        "rediss-cluster" => Some(("cluster", true)),
        "redis-active" => Some(("active", false)),
        "rediss-active" => Some(("active", true)),
        _ => None,
    }
}

fn nodes(hosts: &str) -> Result<Vec<String>, UrlError> {
    if hosts.is_empty() {
        return Err(UrlError::NoHost);
    }
    Ok(hosts.split(',').map(str::to_owned).collect())
}

/// Reads the path: with Sentinel the name of the master, else empty or database 0, which changes nothing.
fn master(kind: &str, path: &str) -> Result<Option<String>, UrlError> {
    if kind != "sentinel" {
        return if matches!(path, "" | "0") { Ok(None) } else { Err(UrlError::Path) };
    }
    match path {
        "" => Err(UrlError::NoMaster),
        path if path.contains('/') => Err(UrlError::Path),
        path => decoded(path).map(Some),
    }
}

fn credentials(user_info: &str) -> Result<Credentials, UrlError> {
    let (user, password) = user_info.split_once(':').ok_or(UrlError::UserWithoutPassword)?;
    with_password(decoded(user)?, decoded(password)?)
}

fn sentinel_credentials(kind: &str, query: &str) -> Result<Option<Credentials>, UrlError> {
    if query.is_empty() {
        return Ok(None);
    }
    let (mut user, mut password) = (None, None);
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').ok_or(UrlError::Query)?;
        let target = match name {
            "sentinel_username" if kind == "sentinel" => &mut user,
            "sentinel_password" if kind == "sentinel" => &mut password,
            _ => return Err(UrlError::Query),
        };
        if target.replace(decoded(value)?).is_some() {
            return Err(UrlError::Query);
        }
    }
    with_password(user.unwrap_or_default(), password.unwrap_or_default()).map(Some)
}

fn with_password(user: String, password: String) -> Result<Credentials, UrlError> {
    if password.is_empty() {
        return Err(UrlError::UserWithoutPassword);
    }
    Ok(Credentials { username: Some(user).filter(|user| !user.is_empty()), password })
}

fn decoded(text: &str) -> Result<String, UrlError> {
    let escapes_are_whole = text.split('%').skip(1).all(|rest| {
        let mut digits = rest.bytes().take(2);
        digits.len() == 2 && digits.all(|digit| digit.is_ascii_hexdigit())
    });
    if !escapes_are_whole {
        return Err(UrlError::Encoding);
    }
    percent_decode_str(text).decode_utf8().map(Into::into).map_err(|_| UrlError::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(kind: &'static str, nodes: &[&str]) -> BackendUrl {
        let nodes = nodes.iter().map(|node| (*node).to_owned()).collect();
        BackendUrl { kind, tls: false, nodes, master: None, credentials: None, sentinel_credentials: None }
    }

    fn user(name: &str, password: &str) -> Option<Credentials> {
        let username = (!name.is_empty()).then(|| name.to_owned());
        Some(Credentials { username, password: password.to_owned() })
    }

    #[test]
    fn a_url_says_what_the_backend_section_says() {
        let sentinel =
            || BackendUrl { master: Some("mymaster".into()), ..plain("sentinel", &["s1:26379", "s2:26379"]) };
        let cases = [
            ("redis://h:6379", plain("fixed", &["h:6379"])),
            ("redis://h", plain("fixed", &["h"])),
            ("redis://h:6379/", plain("fixed", &["h:6379"])),
            ("redis://h:6379/0", plain("fixed", &["h:6379"])),
            ("redis://[::1]:6379", plain("fixed", &["[::1]:6379"])),
            ("rediss://h:6379", BackendUrl { tls: true, ..plain("fixed", &["h:6379"]) }),
            ("redis://a:b@h:1", BackendUrl { credentials: user("a", "b"), ..plain("fixed", &["h:1"]) }),
            ("redis://:b@h:1", BackendUrl { credentials: user("", "b"), ..plain("fixed", &["h:1"]) }),
            (
                "redis://a%40:p%3A%2F%C3%A9@h:1",
                BackendUrl { credentials: user("a@", "p:/é"), ..plain("fixed", &["h:1"]) },
            ),
            (
                "redis://a:p@ss/w@h:1",
                BackendUrl { credentials: user("a", "p@ss/w"), ..plain("fixed", &["h:1"]) },
            ),
            ("redis-sentinel://s1:26379,s2:26379/mymaster", sentinel()),
            (
                "redis-sentinel://u:p@s1:26379,s2:26379/mymaster?sentinel_username=su&sentinel_password=s%26p",
                BackendUrl {
                    credentials: user("u", "p"),
                    sentinel_credentials: user("su", "s&p"),
                    ..sentinel()
                },
            ),
            (
                "redis-sentinel://s1:26379,s2:26379/mymaster?sentinel_password=sp",
                BackendUrl { sentinel_credentials: user("", "sp"), ..sentinel() },
            ),
            ("rediss-sentinel://s1:26379,s2:26379/mymaster", BackendUrl { tls: true, ..sentinel() }),
            ("redis-cluster://n1:7000,n2:7001", plain("cluster", &["n1:7000", "n2:7001"])),
            ("redis-active://n1:6379,n2:6379", plain("active", &["n1:6379", "n2:6379"])),
        ];
        for (url, expected) in cases {
            assert_eq!(parse(url), Ok(expected), "{url}");
        }
    }

    #[test]
    fn a_bad_url_says_why() {
        let cases = [
            ("h:6379", UrlError::Scheme),
            ("http://h:6379", UrlError::Scheme),
            ("redis://", UrlError::NoHost),
            ("redis:///0", UrlError::NoHost),
            ("redis://a@h:1", UrlError::UserWithoutPassword),
            ("redis://a:@h:1", UrlError::UserWithoutPassword),
            ("redis://a:%zz@h:1", UrlError::Encoding),
            ("redis://a:%4@h:1", UrlError::Encoding),
            ("redis://a:%ff@h:1", UrlError::Encoding),
            ("redis://h:1/3", UrlError::Path),
            ("redis://h:1?x=1", UrlError::Query),
            ("redis://h:1#x", UrlError::Query),
            ("redis://h:1?sentinel_password=x", UrlError::Query),
            ("redis-sentinel://s1:26379", UrlError::NoMaster),
            ("redis-sentinel://s1:26379/", UrlError::NoMaster),
            ("redis-sentinel://s1:26379/m/0", UrlError::Path),
            ("redis-sentinel://s1:26379/m?sentinel_username=x", UrlError::UserWithoutPassword),
            ("redis-sentinel://s1:26379/m?sentinel_password=x&sentinel_password=y", UrlError::Query),
            ("redis-sentinel://s1:26379/m?other=x", UrlError::Query),
        ];
        for (url, expected) in cases {
            assert_eq!(parse(url), Err(expected), "{url}");
        }
    }
}
