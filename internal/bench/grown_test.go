package main

import "testing"

// soaked is a series of n points whose RSS is that of rss.
func soaked(n int, rss func(i int) int64) (series []point) {
	for i := range n {
		series = append(series, point{Tasks: 50_000 * (i + 1), Held: rss(i)})
	}
	return series
}

// seenOnASlowDisk is what a server held at rest that leaked nothing.
var seenOnASlowDisk = []int64{155, 216, 181, 172, 207, 251, 187, 214, 242, 293, 221, 185, 255, 252, 238, 303, 322, 237, 188, 245}

func TestWhatGrowsIsToldFromWhatBreathes(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for name, c := range map[string]struct {
		rss  func(i int) int64
		want bool
	}{
		"nothing":                  {func(int) int64 { return 400 * mib }, false},
		"the beginning":            {func(i int) int64 { return min(int64(i+1)*200, 400) * mib }, false},
		"breath":                   {func(i int) int64 { return (350 + int64(i*7%5)*50) * mib }, false},
		"a store on a slow disk":   {func(i int) int64 { return seenOnASlowDisk[i] * mib }, false},
		"50 bytes a task":          {func(i int) int64 { return 400*mib + int64(i)*50_000*50 }, false},
		"200 bytes a task":         {func(i int) int64 { return 400*mib + int64(i)*50_000*200 }, true},
		"300 bytes a task, breath": {func(i int) int64 { return (350+int64(i*7%5)*20)*mib + int64(i)*50_000*300 }, true},
	} {
		if err := grown(soaked(20, c.rss)); (err != nil) != c.want {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
