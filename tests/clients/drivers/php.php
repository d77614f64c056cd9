<?php
// phpredis and predis. Arguments: phpredis|predis PORT CONTEXT PREFIX
[, $kind, $port, $context, $prefix] = $argv;
error_reporting(E_ERROR);
function k($name) { global $prefix; return "$prefix:$name"; }
function said($e) { return get_class($e) . ': ' . $e->getMessage(); }
function told($step) {
    global $kind, $client;
    $began = microtime(true);
    try {
        $value = $step();
        $out = ['value' => is_object($value) ? (method_exists($value, 'getMessage') ? said_reply($value) : get_class($value)) : plain($value)];
        if ($kind == 'phpredis' && $client->getLastError()) { $out['last_error'] = $client->getLastError(); $client->clearLastError(); }
    } catch (Throwable $e) { $out = ['error' => said($e)]; }
    return $out + ['seconds' => round(microtime(true) - $began, 2)];
}
function said_reply($v) { return get_class($v) . ': ' . $v->getMessage(); }
function plain($v) {
    if (is_array($v)) return array_map('plain', $v);
    if (is_object($v)) return method_exists($v, 'getMessage') ? said_reply($v) : (string) $v;
    return $v;
}
if ($kind == 'phpredis') {
    $client = new Redis();
    $client->connect('127.0.0.1', (int) $port);
} else {
    require 'Predis/Autoloader.php';
    Predis\Autoloader::register();
    $client = new Predis\Client("tcp://127.0.0.1:$port?read_write_timeout=-1");
}
$client->set(k('warm'), 1);
$pipe = function ($chain, $keys) use ($kind) {
    foreach ($keys as $key) $chain->incr(k($key));
    return $kind == 'phpredis' ? $chain->exec() : $chain->execute();
};
$out = [];
if (str_contains($context, 'subscribe')) {
    $got = [];
    $end = microtime(true) + 4;
    $out['fault'] = told(function () use ($kind, $client, &$got, $end) {
        if ($kind == 'phpredis') {
            $client->setOption(Redis::OPT_READ_TIMEOUT, 5);
            return $client->subscribe([k('channel')], function ($r, $c, $message) use (&$got, $end) {
                $got[] = (int) $message;
                if (microtime(true) > $end) $r->unsubscribe([k('channel')]);
            });
        }
        foreach ($loop = $client->pubSubLoop(['subscribe' => k('channel')]) as $message) {
            if ($message->kind == 'message') $got[] = (int) $message->payload;
            if (microtime(true) > $end) $loop->unsubscribe();
        }
    });
    $out['messages'] = $got;
} else {
    $steps = [
        'incr' => fn() => $client->incr(k('x')),
        'get' => fn() => $client->get(k('x')),
        'pipeline' => fn() => $pipe($kind == 'phpredis' ? $client->multi(Redis::PIPELINE) : $client->pipeline(), [1, 2, 3, 4, 5]),
        'exec' => fn() => $pipe($kind == 'phpredis' ? $client->multi() : $client->transaction(), [1, 2]),
        'queued' => fn() => $pipe($kind == 'phpredis' ? $client->multi() : $client->transaction(), [1, 2, 3]),
        'blocked' => fn() => $kind == 'phpredis' ? $client->blPop([k('q')], 5) : $client->blpop([k('q')], 5),
    ];
    $out['fault'] = told($steps[$context]);
}
$out['after'] = told(fn() => $client->incr(k('after')));
echo json_encode($out), "\n";
