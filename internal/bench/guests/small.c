/* The smallest guest: it reads its request, writes some pages' worth of nothing and
 * answers. What is measured with it is the sandbox. */
#include "guest.h"

static u32 sum;

EXPORT("carrel_run") u64 carrel_run(const byte *request, u32 n) {
	for (u32 i = 0; i < n; i++) sum = sum * 31 + request[i];
	return reply();
}

/* The same for Extism, whose calls have no arguments. */
EXPORT("extism_run") int extism_run(void) {
	static const byte request[] = "{\"message\":{\"parts\":[{\"text\":\"hello\"}]}}";
	return carrel_run(request, sizeof request - 1) == 0;
}
