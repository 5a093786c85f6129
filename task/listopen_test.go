package task

import "testing"

func TestPartsOfTheOpenSet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ tasks, parts uint64 }{
		{0, 1}, {31, 1}, {32, 2}, {64, 3}, {2015, 63}, {2016, 64}, {10_000, 64}, {16_383, 64}, {16_384, 65}, {1_000_000, 3907}, {1 << 40, openEnd},
	} {
		if got := partsOf(c.tasks); got != c.parts {
			t.Errorf("%d tasks lie in %d parts, want %d", c.tasks, got, c.parts)
		}
	}
}
