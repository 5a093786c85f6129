//go:build amd64 || arm64

package image

// ways are the kinds of memory that there are here: for each way of finding pages
// that this kernel has, and those of other systems.
func ways() map[string]func(int) (space, error) {
	all := map[string]func(int) (space, error){"plain": newPlain}
	for w, name := range wayNames {
		if w == byNothing || try(w) == nil {
			all[name] = func(max int) (space, error) { return newMapped(max, w) }
		}
	}
	return all
}

var wayNames = map[way]string{byScan: "scan", byPagemap: "pagemap", byNothing: "nothing"}
