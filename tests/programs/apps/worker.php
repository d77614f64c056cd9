<?php
// The plainest of workers with phpredis: `work` is BRPOP for ever, `produce` adds jobs; after an exception the connection
// is opened again.

function connect(string $where, float $timeout): Redis
{
    [$host, $port] = explode(':', $where);
    $redis = new Redis();
    $redis->connect($host, (int) $port, 5);
    $redis->setOption(Redis::OPT_READ_TIMEOUT, $timeout);
    return $redis;
}

$books = connect(getenv('BOOKS'), 60);
$name = getenv('NAME');
$key = getenv('PREFIX') . 'jobs';

// In a Redis that no fault reaches and no proxy is before; its clock stamps each entry.
function write(string $kind, string $job, string $text = ''): void
{
    global $books, $name;
    $entry = ['job' => $job, 'by' => getenv('WORKER') ?: 'producer', 'text' => substr($text, 0, 300)];
    $books->xAdd("$kind:$name", '*', $entry);
}

// phpredis throws for some errors and answers false for others.
function must(Redis $redis, $answer)
{
    $error = $redis->getLastError();
    $redis->clearLastError();
    if ($error !== null) {
        throw new RedisException($error);
    }
    return $answer;
}

function work(Redis $redis): void
{
    global $key;
    while (true) {
        $popped = must($redis, $redis->brPop([$key], 5));
        if ($popped) {
            write('done', $popped[1]);
        }
    }
}

function produce(Redis $redis): void
{
    global $books, $key, $number;
    while (!$books->exists('stop')) {
        $number++;
        write('asked', $number);
        if (must($redis, $redis->lPush($key, $number)) === false) {
            throw new RedisException('false and no error');
        }
        write('acked', $number);
        usleep((int) (1e6 * (float) getenv('PACE')));
    }
    exit(0);
}

$number = 0;
$works = $argv[1] === 'work';
while (true) {
    try {
        $redis = connect(getenv('PROXY'), 90);
        $works ? work($redis) : produce($redis);
    } catch (RedisException $error) {
        write($works ? 'saw' : 'refused', $number, $error->getMessage());
        usleep(100000);
    }
}
