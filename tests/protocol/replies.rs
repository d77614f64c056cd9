//! Replies of every type, in both versions of the protocol.

use super::common::conn::pipeline;
use super::common::fake::{FakeNode, command};
use super::common::{proxy, runtime};
use super::{Pair, compare_commands};

pub(crate) const CASES: &[&str] = &[
    "EVAL \"redis.setresp(3) return {map={a=1,b={2}}}\" 0",
    "EVAL \"redis.setresp(3) return {set={a=true,b=true}}\" 0",
    "EVAL \"return {double=3.5}\" 0",
    "EVAL \"return {double=0/0}\" 0",
    "EVAL \"return {double=1/0}\" 0",
    "EVAL \"return {double=-1/0}\" 0",
    "EVAL \"return {big_number='12345678901234567890123'}\" 0",
    "EVAL \"return {verbatim_string={format='txt',string='x'}}\" 0",
    "EVAL \"return true\" 0",
    "EVAL \"return false\" 0",
    "EVAL \"return nil\" 0",
    "EVAL \"redis.setresp(3) return true\" 0",
    "EVAL \"redis.setresp(3) return false\" 0",
    "EVAL \"redis.setresp(3) return nil\" 0",
    "EVAL \"return {1,{2,{3,{map={a={set={x=true}}}}}},false,'x',{ok='fine'},{err='ERR x'}}\" 0",
    "EVAL \"redis.setresp(3) return redis.call('hgetall',KEYS[1])\" 1 nosuch",
    "EVAL \"return redis.status_reply('x')\" 0",
    "EVAL \"return redis.error_reply('x')\" 0",
    "EVAL \"return {err='-x y'}\" 0",
    "EVAL \"return {}\" 0",
    "HSET th a 1 b 2 ; HGETALL th ; HRANDFIELD th 1 WITHVALUES x",
    "HGETALL nosuch",
    "SADD ts a ; SMEMBERS ts ; SPOP ts ; SPOP ts",
    "ZADD tz 1 a 2.5 b inf c -inf d ; ZRANGE tz 0 -1 WITHSCORES ; ZSCORE tz b ; ZSCORE tz c ; ZSCORE tz nosuch",
    "ZMSCORE tz a nosuch ; ZPOPMIN nosuch ; ZPOPMIN nosuch 2 ; ZADD tz INCR 1 a ; ZADD tz NX INCR 1 a ; DEL tz",
    "INCRBYFLOAT tf 1.5 ; DEL tf",
    "GET nosuch",
    "MGET nosuch nosuch",
    "LPOP nosuch",
    "LPOP nosuch 2",
    "LRANGE nosuch 0 -1",
    "LMPOP 1 nosuch LEFT",
    "BLPOP nosuch 0.01",
    "BZMPOP 0.01 1 nosuch MIN",
    "XREAD STREAMS nosuch 0",
    "XADD tx 1-1 a b ; XREAD STREAMS tx 0 ; XREAD BLOCK 10 STREAMS tx 0 ; XRANGE tx - + ; XINFO STREAM tx FULL COUNT x ; DEL tx",
    "CONFIG GET maxmemory",
    "CONFIG GET nosuch",
    "LOLWUT VERSION 1 2 3 4 5 6 7",
    "GEOADD tg 13 38 a ; GEOPOS tg a nosuch ; GEODIST tg a nosuch ; GEOHASH tg a ; DEL tg",
    "FUNCTION LIST",
    "ACL GETUSER default",
    "ACL LIST",
    "ACL USERS",
    "MODULE LIST",
    "OBJECT HELP",
    "SCRIPT HELP",
    "MEMORY DOCTOR",
    "LATENCY DOCTOR",
    "DEBUG HELP x",
    "SMISMEMBER nosuch a b",
    "SISMEMBER nosuch a",
    "EXPIRETIME nosuch",
    "PUBSUB NUMSUB a",
    "CLIENT TRACKINGINFO",
    "CLIENT GETNAME",
    "COMMAND GETKEYSANDFLAGS SET k v",
    "COMMAND INFO set eval xread client|list",
    "COMMAND DOCS get",
];

#[test]
fn replies_of_every_type_are_those_of_the_server() {
    compare_commands("replies", "", &Pair::start(), CASES);
}

/// What a server sends only with DEBUG, or to come.
const RARE: &[&str] = &[
    "|1\r\n$3\r\nttl\r\n:3600\r\n$5\r\nvalue\r\n",
    "*2\r\n|2\r\n+a\r\n:1\r\n+b\r\n*2\r\n:1\r\n_\r\n+one\r\n|1\r\n+c\r\n#t\r\n:2\r\n",
    "|1\r\n+a\r\n|1\r\n+of the attribute\r\n:0\r\n:1\r\n+value\r\n",
    "%2\r\n+a\r\n~3\r\n:1\r\n#f\r\n_\r\n*1\r\n,1.5\r\n(12345678901234567890\r\n",
    "=8\r\nmkd:*b*\r\r\n",
    "!5\r\nERR x\r\n",
    ",inf\r\n",
    ",-inf\r\n",
    ",nan\r\n",
    "%0\r\n",
    "~0\r\n",
    "|0\r\n+value\r\n",
];

/// The node is played: attributes in particular are not to be had from a server in any other way.
#[test]
fn attributes_and_every_other_type_come_as_the_node_has_sent_them() {
    let node = FakeNode::start();
    let proxy = proxy(&runtime(), node.address(), &[]);
    let mut client = super::Conn::open(proxy.address());
    client.send("HELLO 3");
    let mut served = node.next();
    assert!(command(&mut served).unwrap().starts_with("HELLO 3"));
    served.write(b"%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n");
    assert!(client.reply().starts_with("%7\r\n"));
    for reply in RARE {
        client.write(&pipeline(&["GET k", "MULTI", "GET k", "EXEC"]));
        for expected in ["GET k", "MULTI", "GET k", "EXEC"] {
            assert_eq!(command(&mut served).unwrap(), expected);
        }
        let transaction = format!("*1\r\n{reply}");
        served.write(format!("{reply}+OK\r\n+QUEUED\r\n{transaction}").as_bytes());
        let told: Vec<String> = (0..4).map(|_| client.reply()).collect();
        assert_eq!(told, [reply, "+OK\r\n", "+QUEUED\r\n", transaction.as_str()]);
    }
}
