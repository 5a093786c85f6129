/* Measures wasmtime, from C so that nothing but the engine is measured: an instance
 * for each request, whose memory is mapped copy-on-write as is its default, made by
 * its pooling allocator when that is asked for. A reference of carrel's benchmark.
 *
 * Usage: wasmtime ROLE -module FILE -request TEXT. The role is fresh or pooled. Each
 * line of standard input is a number of operations, and is answered with their times
 * in nanoseconds. The guest must import nothing.
 *
 * The declarations are those of wasmtime's C API that are used here: the package that
 * has the library has no headers. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct { uint64_t store; void *private; } func;
typedef struct { struct { uint64_t store; uint32_t private1; } at; uint32_t private2; } memory;
typedef struct { uint64_t store; size_t private; } instance;
typedef union { int32_t i32; int64_t i64; uint8_t v128[16]; void *ref; } value;
typedef struct { uint8_t kind; union { func func; memory memory; uint64_t widest[4]; } of; } external;
typedef struct { size_t size; char *data; } bytes;
typedef struct opaque opaque;

opaque *wasm_config_new(void);
opaque *wasm_engine_new_with_config(opaque *config);
opaque *wasmtime_pooling_allocation_config_new(void);
void wasmtime_pooling_allocation_strategy_set(opaque *config, const opaque *pooling);
opaque *wasmtime_module_new(opaque *engine, const uint8_t *wasm, size_t len, opaque **module);
opaque *wasmtime_linker_new(opaque *engine);
opaque *wasmtime_linker_instantiate_pre(const opaque *linker, const opaque *module, opaque **pre);
opaque *wasmtime_instance_pre_instantiate(const opaque *pre, opaque *context, instance *in, opaque **trap);
opaque *wasmtime_store_new(opaque *engine, void *data, void (*finalizer)(void *));
opaque *wasmtime_store_context(opaque *store);
void wasmtime_store_delete(opaque *store);
bool wasmtime_instance_export_get(opaque *context, const instance *in, const char *name, size_t len, external *out);
opaque *wasmtime_func_call_unchecked(opaque *context, const func *f, value *args, size_t len, opaque **trap);
uint8_t *wasmtime_memory_data(const opaque *context, const memory *m);
void wasmtime_error_message(const opaque *error, bytes *message);

static void check(const char *what, opaque *error, opaque *trap) {
	if (!error && !trap) return;
	bytes message = {0, 0};
	if (error) wasmtime_error_message(error, &message);
	fprintf(stderr, "wasmtime: %s: %.*s\n", what, (int)message.size, message.data ? message.data : "");
	exit(1);
}

static external export(opaque *context, const instance *in, const char *name) {
	external e;
	if (wasmtime_instance_export_get(context, in, name, strlen(name), &e)) return e;
	fprintf(stderr, "wasmtime: the guest does not export %s\n", name);
	exit(1);
}

static uint64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

/* operation makes an instance, has it answer the request and removes it. */
static uint64_t operation(opaque *engine, opaque *pre, const char *request) {
	uint64_t begin = now();
	opaque *store = wasmtime_store_new(engine, NULL, NULL), *context = wasmtime_store_context(store), *trap = NULL;
	instance in;
	check("instantiate", wasmtime_instance_pre_instantiate(pre, context, &in, &trap), trap);
	external alloc = export(context, &in, "carrel_alloc"), run = export(context, &in, "carrel_run"), mem = export(context, &in, "memory");
	size_t len = strlen(request);
	value v[2] = {{.i64 = 0}, {.i64 = 0}};
	v[0].i32 = (int32_t)len;
	check("carrel_alloc", wasmtime_func_call_unchecked(context, &alloc.of.func, v, 2, &trap), trap);
	uint32_t at = (uint32_t)v[0].i32;
	memcpy(wasmtime_memory_data(context, &mem.of.memory) + at, request, len);
	v[1].i32 = (int32_t)len;
	check("carrel_run", wasmtime_func_call_unchecked(context, &run.of.func, v, 2, &trap), trap);
	uint64_t packed = (uint64_t)v[0].i64;
	char *reply = malloc((uint32_t)packed + 1);
	memcpy(reply, wasmtime_memory_data(context, &mem.of.memory) + (packed >> 32), (uint32_t)packed);
	bool answered = memchr(reply, '{', (uint32_t)packed) == reply;
	free(reply);
	wasmtime_store_delete(store);
	if (!answered) check("there was no reply", NULL, engine);
	return now() - begin;
}

static uint8_t *read_file(const char *name, size_t *len) {
	static uint8_t content[1 << 24];
	FILE *f = fopen(name, "rb");
	if (!f || !(*len = fread(content, 1, sizeof content, f))) {
		perror(name);
		exit(1);
	}
	fclose(f);
	return content;
}

int main(int argc, char **argv) {
	if (argc != 6 || strcmp(argv[2], "-module") || strcmp(argv[4], "-request")) {
		fprintf(stderr, "usage: wasmtime fresh|pooled -module FILE -request TEXT\n");
		return 2;
	}
	opaque *config = wasm_config_new();
	if (!strcmp(argv[1], "pooled")) wasmtime_pooling_allocation_strategy_set(config, wasmtime_pooling_allocation_config_new());
	opaque *engine = wasm_engine_new_with_config(config), *module = NULL, *pre = NULL;
	size_t len;
	uint8_t *wasm = read_file(argv[3], &len);
	check("compile", wasmtime_module_new(engine, wasm, len, &module), NULL);
	check("link", wasmtime_linker_instantiate_pre(wasmtime_linker_new(engine), module, &pre), NULL);
	puts("ready");
	fflush(stdout);
	for (int n; scanf("%d", &n) == 1;) {
		for (int i = 0; i < n; i++) printf(i ? " %llu" : "%llu", (unsigned long long)operation(engine, pre, argv[5]));
		puts("");
		fflush(stdout);
	}
	return 0;
}
