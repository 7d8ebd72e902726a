<?php
// One small program that is a producer and a worker, on nothing but PHP itself, by JSON over HTTP: `php main.php produce WORD...` and
// `php main.php work`. A web request only needs `call` and the lines of `produce`.

// Says who calls, to a server with --auth. In plaintext it goes no further than this machine unless that is said.
function who(string $server): string
{
    $token = getenv('GKICK_TOKEN') ?: '';
    $isSafe = preg_match('{^(https://|http://(localhost|127(\.\d+){3}|\[::1\])(:\d+)?(/|$))}', $server) || getenv('GKICK_INSECURE_TOKEN') === '1';
    if ($token !== '' && !$isSafe) {
        fwrite(STDERR, "GKICK_TOKEN is not sent to $server in plaintext unless GKICK_INSECURE_TOKEN=1 says so\n");
        exit(1);
    }
    return $token === '' ? '' : "Authorization: Bearer $token\r\n";
}

// One call: the request's and the answer's message as arrays. Throws with gRPC's name of what went wrong, "unavailable" when nobody answered.
function call(string $method, array $message, float $timeout = 10): array
{
    $server = getenv('GKICK_HTTP') ?: 'http://127.0.0.1:7451';
    $context = stream_context_create(['http' => [
        'method' => 'POST',
        'header' => "Content-Type: application/json\r\nConnect-Timeout-Ms: " . (int) ($timeout * 1000) . "\r\n" . who($server),
        'content' => json_encode((object) $message, JSON_THROW_ON_ERROR),
        'timeout' => $timeout + 5,
        'ignore_errors' => true, // the body of an error says what it is
    ]]);
    $body = @file_get_contents("$server/gkick.v1.$method", false, $context);
    if ($body === false) {
        throw new RuntimeException('unavailable: no answer');
    }
    $answer = json_decode($body, true);
    if (!str_contains($http_response_header[0], ' 200')) {
        throw new RuntimeException(($answer['code'] ?? 'unavailable') . ': ' . ($answer['message'] ?? $http_response_header[0]));
    }
    return $answer;
}

function produce(array $words): void
{
    foreach ($words as $word) {
        $job = ['name' => 'example.hash', 'payload' => base64_encode($word)]; // bytes are base64 in JSON
        $id = call('JobService/Enqueue', ['job' => $job])['jobId'];
        $done = call('JobService/WaitJob', ['jobId' => $id], 30)['job'];
        echo $id, ' ', $done['state'], ' ', base64_decode($done['result'] ?? ''), "\n";
    }
}

function run(array $job): array
{
    try {
        return ['lease' => $job['lease'], 'success' => ['result' => base64_encode(hash('sha256', base64_decode($job['payload'] ?? '')))]];
    } catch (Throwable $error) {
        return ['lease' => $job['lease'], 'failure' => ['type' => $error::class, 'message' => $error->getMessage(), 'retryable' => true]];
    }
}

// Comes back after the server was away, with the same id, and tells again what it could not tell. A job that takes longer than its lease
// asks for more time with 'extend' => [$job['lease']].
function work(): void
{
    $id = 'php-' . getmypid() . '-' . bin2hex(random_bytes(6));
    $unsent = []; // until the server has said that it is stored
    $stopping = false;
    if (function_exists('pcntl_signal')) {
        pcntl_async_signals(true);
        foreach ([SIGTERM, SIGINT] as $signal) {
            pcntl_signal($signal, function () use (&$stopping) { $stopping = true; });
        }
    }
    for ($wait = 0.1; !$stopping || $unsent;) {
        try {
            if ($unsent) {
                $results = call('WorkerService/Report', ['workerId' => $id, 'outcomes' => $unsent])['results'];
                // UNAVAILABLE (14) and RESOURCE_EXHAUSTED (8): the store does not take it now.
                $again = array_map(fn ($result) => in_array($result['statusCode'] ?? 0, [14, 8]), $results);
                $unsent = array_values(array_filter($unsent, fn ($index) => $again[$index], ARRAY_FILTER_USE_KEY));
                if ($unsent) {
                    sleep(1);
                }
            } else {
                $request = ['workerId' => $id, 'queues' => [['queue' => 'default']], 'names' => ['example.hash'], 'maxJobs' => 10,
                    'maxWait' => '2s', 'lease' => '30s'];
                $unsent = array_map('run', call('WorkerService/Fetch', $request)['jobs'] ?? []);
            }
            $wait = 0.1;
        } catch (RuntimeException $error) {
            echo "{$error->getMessage()}, again in $wait s\n";
            usleep((int) ($wait * 1e6));
            $wait = min($wait * 2, 10);
        }
    }
}

($argv[1] ?? '') === 'produce' ? produce(array_slice($argv, 2)) : work();
