/* A module for the tests: commands of every kind that a proxy has to tell apart. It declares what it needs of the
 * servers' API itself, so that a compiler is all that the tests need. */

#include <stddef.h>

typedef struct Ctx Ctx;
typedef struct Str Str;
typedef struct Reply Reply;
typedef struct Client Client;
typedef struct Command Command;
typedef int (*Run)(Ctx *, Str **, int);

static int (*create)(Ctx *, const char *, Run, const char *, int, int, int);
static Command *(*get_command)(Ctx *, const char *);
static int (*create_sub)(Command *, const char *, Run, const char *, int, int, int);
static int (*set_attribs)(Ctx *, const char *, int, int);
static int (*is_keys_request)(Ctx *);
static void (*key_at)(Ctx *, int);
static int (*wrong_arity)(Ctx *);
static int (*reply_simple)(Ctx *, const char *);
static int (*reply_array)(Ctx *, long);
static int (*reply_call)(Ctx *, Reply *);
static int (*replicate)(Ctx *);
static Reply *(*call)(Ctx *, const char *, const char *, ...);
static void (*free_reply)(Reply *);
static int (*to_long)(const Str *, long long *);
static Client *(*block)(Ctx *, Run, Run, void (*)(Ctx *, void *), long long);

static int get_one(Ctx *ctx, Str *key) {
    Reply *reply = call(ctx, "GET", "s", key);
    reply_call(ctx, reply);
    free_reply(reply);
    return 0;
}

static int set_all(Ctx *ctx, Str **argv, int argc, int step) {
    for (int at = 1; at + step <= argc; at += step) {
        Reply *reply = call(ctx, "SET", "ss", argv[at], argv[at + step - 1]);
        free_reply(reply);
    }
    replicate(ctx);
    return reply_simple(ctx, "OK");
}

static int get(Ctx *ctx, Str **argv, int argc) { return argc == 2 ? get_one(ctx, argv[1]) : wrong_arity(ctx); }

static int box_get(Ctx *ctx, Str **argv, int argc) { return argc == 3 ? get_one(ctx, argv[2]) : wrong_arity(ctx); }

static int set(Ctx *ctx, Str **argv, int argc) {
    return argc == 3 ? set_all(ctx, argv, argc, 2) : wrong_arity(ctx);
}

static int json_mset(Ctx *ctx, Str **argv, int argc) {
    return argc >= 4 && argc % 3 == 1 ? set_all(ctx, argv, argc, 3) : wrong_arity(ctx);
}

static int json_mget(Ctx *ctx, Str **argv, int argc) {
    if (argc < 3) return wrong_arity(ctx);
    reply_array(ctx, argc - 2);
    for (int at = 1; at < argc - 1; at++) get_one(ctx, argv[at]);
    return 0;
}

static int over(Ctx *ctx, Str **argv, int argc) {
    (void)argv, (void)argc;
    return reply_simple(ctx, "OVER");
}

/* Waits for as many milliseconds as argument 2 says. */
static int wait_for(Ctx *ctx, Str **argv, int argc) {
    long long millis;
    if (argc != 3 || to_long(argv[2], &millis) != 0) return wrong_arity(ctx);
    block(ctx, NULL, over, NULL, millis);
    return 0;
}

/* The key is the last argument, which the server cannot know without asking. */
static int find(Ctx *ctx, Str **argv, int argc) {
    (void)argv;
    if (is_keys_request(ctx)) key_at(ctx, argc - 1);
    else reply_simple(ctx, "FOUND");
    return 0;
}

static int anywhere(Ctx *ctx, Str **argv, int argc) {
    (void)argv, (void)argc;
    Reply *reply = call(ctx, "CONFIG", "cc", "GET", "port");
    reply_call(ctx, reply);
    free_reply(reply);
    return 0;
}

int RedisModule_OnLoad(Ctx *ctx, Str **argv, int argc) {
    (void)argv, (void)argc;
    int (*api)(const char *, void *) = ((int (**)(const char *, void *))ctx)[0];
    api("RedisModule_CreateCommand", &create);
    api("RedisModule_GetCommand", &get_command);
    api("RedisModule_CreateSubcommand", &create_sub);
    api("RedisModule_SetModuleAttribs", &set_attribs);
    api("RedisModule_IsKeysPositionRequest", &is_keys_request);
    api("RedisModule_KeyAtPos", &key_at);
    api("RedisModule_WrongArity", &wrong_arity);
    api("RedisModule_ReplyWithSimpleString", &reply_simple);
    api("RedisModule_ReplyWithArray", &reply_array);
    api("RedisModule_ReplyWithCallReply", &reply_call);
    api("RedisModule_ReplicateVerbatim", &replicate);
    api("RedisModule_Call", &call);
    api("RedisModule_FreeCallReply", &free_reply);
    api("RedisModule_StringToLongLong", &to_long);
    api("RedisModule_BlockClient", &block);
    set_attribs(ctx, "testmod", 1, 1);
    create(ctx, "test.set", set, "write deny-oom", 1, 1, 1);
    create(ctx, "test.get", get, "readonly", 1, 1, 1);
    create(ctx, "test.wait", wait_for, "readonly blocking", 1, 1, 1);
    create(ctx, "test.take", wait_for, "write blocking", 1, 1, 1);
    create(ctx, "test.find", find, "readonly getkeys-api", 1, 1, 1);
    create(ctx, "json.mget", json_mget, "readonly", 1, -2, 1);
    create(ctx, "json.mset", json_mset, "write deny-oom", 1, -1, 3);
    create(ctx, "FT.SEARCH", anywhere, "readonly", 0, 0, 0);
    create(ctx, "FT.CURSOR", anywhere, "readonly", 0, 0, 0);
    create(ctx, "test.box", NULL, "", 0, 0, 0);
    return create_sub(get_command(ctx, "test.box"), "get", box_get, "readonly", 2, 2, 1);
}
