/* Guests that never end, each in a way of its own that the text of a message names:
 * a bad neighbour. */
#include "guest.h"

__attribute__((import_module("carrel"), import_name("log"))) u64 carrel_log(const char *request, u32 n);

#define PAGE 65536
#define AREA (256 * PAGE)

static volatile u32 sink;

static void loop(void) {
	for (u32 x = 0;; x++) sink = x;
}

/* reach makes memory up to AREA bytes beyond what there is at first, and returns where it begins. */
static byte *reach(void) {
	u32 had = __builtin_wasm_memory_grow(0, AREA / PAGE);
	return had == (u32)-1 ? 0 : (byte *)(had * PAGE);
}

static void fill(void) {
	byte *at = reach();
	for (int value = 0;; value++) __builtin_memset(at, value, at ? AREA : 0);
}

static void pages(void) {
	byte *at = reach();
	for (u32 i = 0;; i++) at[(i * 4096) % AREA]++;
}

static u32 deep(u32 n) {
	volatile u32 here = n;
	return n == 0 ? 0 : deep(n - 1) + here;
}

static void recurse(void) {
	for (;;) sink = deep(1000);
}

static void grow(void) {
	for (;;) sink = __builtin_wasm_memory_grow(0, 1);
}

static void calls(void) {
	static const char line[] = "{\"level\":\"debug\",\"message\":\"again\"}";
	for (;;) {
		used = 0;
		sink = (u32)carrel_log(line, sizeof line - 1);
	}
}

EXPORT("carrel_run") u64 carrel_run(const byte *request, u32 n) {
	switch (*text(request, n)) {
	case 'l': loop();
	case 'f': fill();
	case 'p': pages();
	case 'r': recurse();
	case 'g': grow();
	case 'c': calls();
	}
	return reply();
}
