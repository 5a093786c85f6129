package abi

// Nearest returns the host function whose name is closest to name, and whether
// it is close enough to be what the author meant.
func Nearest(name string) (string, bool) {
	if len(name) > maxName {
		return "", false
	}
	best, distance := "", len(name)/2+1
	for _, f := range Funcs {
		if d := edits(name, f.Name); d < distance {
			best, distance = f.Name, d
		}
	}
	return best, best != ""
}

// maxName bounds the work on a name from an untrusted module.
const maxName = 64

// edits is the Levenshtein distance of a and b in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, above+1, row[j]+1)
			diagonal = above
		}
	}
	return row[len(b)]
}
