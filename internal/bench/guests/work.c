/* Work that keeps a processor busy: what fuel costs is measured with it. The text of
 * a message is the kind of work and how much of it: "loop 30000000". */
#include "guest.h"

#define N 200000
static int a[N];
static u32 seed = 1;
static volatile int sink;

static int next(void) {
	seed = seed * 1664525u + 1013904223u;
	return (int)(seed >> 8);
}

static int loop(int n) {
	int x = 0;
	for (int i = 0; i < n; i++) {
		x = x * 31 + i;
		x ^= x >> 3;
	}
	return x;
}

static void quicksort(int lo, int hi) {
	while (lo < hi) {
		int p = a[(lo + hi) / 2], i = lo, j = hi;
		while (i <= j) {
			while (a[i] < p) i++;
			while (a[j] > p) j--;
			if (i <= j) {
				int t = a[i];
				a[i] = a[j];
				a[j] = t;
				i++;
				j--;
			}
		}
		if (j - lo < hi - i) {
			quicksort(lo, j);
			lo = i;
		} else {
			quicksort(i, hi);
			hi = j;
		}
	}
}

static int sort(int n) {
	int r = 0;
	for (int k = 0; k < n; k++) {
		for (int i = 0; i < N; i++) a[i] = next();
		quicksort(0, N - 1);
		r += a[N / 2];
	}
	return r;
}

static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

EXPORT("carrel_run") u64 carrel_run(const byte *request, u32 n) {
	const byte *order = text(request, n);
	int much = number(order);
	switch (*order) {
	case 'l': sink = loop(much); break;
	case 's': sink = sort(much); break;
	case 'f': sink = fib(much); break;
	}
	return reply();
}
