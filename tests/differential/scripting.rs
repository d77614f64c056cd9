//! Scripts and functions whose replies are a function of their arguments, and of data that has an order.

use sha1::{Digest as _, Sha1};

use crate::common::Random;

const SCRIPTS: [&str; 12] = [
    "return 1",
    "return {KEYS[1],ARGV[1]}",
    "return redis.call('get',KEYS[1])",
    "return redis.call('set',KEYS[1],ARGV[1])",
    "return redis.call('incr',KEYS[1])",
    "return redis.pcall('lpush',KEYS[1],ARGV[1],ARGV[2])",
    "redis.setresp(3); return redis.call('zrange',KEYS[1],0,-1,'withscores')",
    "return {1,'two',{3,{4,false}},redis.status_reply('FINE'),3.99}",
    "redis.setresp(3); return {{double=3.5},{map={one=1}},{set={a=true}},true,{big_number='123'}}",
    "#!lua flags=no-writes\nreturn redis.call('set',KEYS[1],'x')",
    "return redis.error_reply('MY error')",
    "nonsense (",
];

/// Returns the scripts that can be loaded. Every server knows them at any time, as the proxy remembers more of them than a server.
pub(crate) fn loadable() -> impl Iterator<Item = &'static str> {
    SCRIPTS.into_iter().filter(|script| !script.starts_with("nonsense"))
}

const LIBRARIES: [&str; 4] = [
    "#!lua name=one\nredis.register_function('f1',function(k,a) return {k[1] or 'none',a[1] or 'none'} end)",
    "#!lua name=two\nredis.register_function{function_name='f2',\
     callback=function(k) return redis.call('get',k[1]) end,flags={'no-writes'}}",
    "#!lua name=two\nredis.register_function('f2',function(k,a) return redis.call('rpush',k[1],a[1]) end)",
    "#!lua nonsense",
];

impl Random {
    pub(crate) fn script(&mut self) -> String {
        self.of(&SCRIPTS).to_owned()
    }

    /// Returns the SHA-1 of a script, or something else.
    pub(crate) fn sha(&mut self) -> String {
        let hash: String = Sha1::digest(SCRIPTS[self.below(SCRIPTS.len() - 1)])
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        match self.below(12) {
            0 => "0000000000000000000000000000000000000000".to_owned(),
            1 => self.of(&["x", "", "000000000000000000000000000000000000000g"]).to_owned(),
            2 => hash.to_uppercase(),
            _ => hash,
        }
    }

    pub(crate) fn library(&mut self) -> String {
        self.of(&LIBRARIES).to_owned()
    }
}
