//! What is asked of nodes of all versions, in front of a peer whose replies the test decides.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::topology::health::PeerConnections;

/// Answers each command with the reply for it, and returns what it was asked when the other side closes.
async fn answer(listener: TcpListener, replies: &[(&str, &str)]) -> Vec<String> {
    let (mut stream, _) = listener.accept().await.unwrap();
    let (mut input, mut asked) = (Vec::new(), Vec::new());
    while stream.read_buf(&mut input).await.unwrap() > 0 {
        while let Ok(Some((command, taken))) = crate::resp::value::decode(&input) {
            input.drain(..taken);
            let words: Vec<&str> = command.items().iter().filter_map(Value::text).collect();
            let line = words.join(" ");
            let reply = replies
                .iter()
                .find(|(asked, _)| line == *asked)
                .map_or("-ERR unexpected\r\n", |found| found.1);
            stream.write_all(reply.as_bytes()).await.unwrap();
            asked.push(line);
        }
    }
    asked
}

async fn news_of(replies: &[(&str, &str)]) -> (Answers, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::new("127.0.0.1", listener.local_addr().unwrap().port());
    let ask = async {
        let mut control = Control::open(&endpoint, None, &PeerConnections::default()).await.unwrap();
        ask_for_news(&mut control).await.unwrap()
    };
    tokio::join!(ask, answer(listener, replies))
}

#[tokio::test]
async fn only_commands_that_the_table_lacks_are_asked_for() {
    let (answers, asked) = news_of(&[
        ("COMMAND LIST", "*4\r\n$3\r\nget\r\n$5\r\nx.get\r\n$10\r\nconfig|get\r\n$5\r\nX.PUT\r\n"),
        (
            "COMMAND INFO x.get X.PUT",
            "*2\r\n*6\r\n$5\r\nx.get\r\n:2\r\n*1\r\n+readonly\r\n:1\r\n:1\r\n:1\r\n*-1\r\n",
        ),
        ("COMMAND DOCS x.get X.PUT", "*2\r\n$5\r\nx.get\r\n*2\r\n$7\r\nsummary\r\n$5\r\nGets.\r\n"),
    ])
    .await;
    assert_eq!(asked, ["COMMAND LIST", "COMMAND INFO x.get X.PUT", "COMMAND DOCS x.get X.PUT"]);
    let names: Vec<&str> = answers.definitions.iter().map(|definition| definition.name.as_str()).collect();
    assert_eq!(names, ["x.get"]);
    assert_ne!(answers.docs, Docs::default());
}

#[tokio::test]
async fn servers_that_list_no_names_are_asked_for_everything() {
    let (answers, asked) = news_of(&[
        (
            "COMMAND LIST",
            "-ERR Unknown subcommand or wrong number of arguments for 'LIST'. Try COMMAND HELP.\r\n",
        ),
        ("COMMAND", "*1\r\n*6\r\n$5\r\nx.set\r\n:3\r\n*2\r\n+write\r\n+denyoom\r\n:1\r\n:1\r\n:1\r\n"),
    ])
    .await;
    assert_eq!(asked, ["COMMAND LIST", "COMMAND"]);
    assert_eq!(answers.definitions.len(), 1);
    assert_eq!(answers.docs, Docs::default());
}
