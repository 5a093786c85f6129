package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

const (
	envPrefix     = "CARREL_"
	maxConfigFile = 1 << 20
)

// settingName is a flag's name as the file spells it, envName as the environment does.
func settingName(flag string) string { return strings.ReplaceAll(flag, "-", "_") }
func envName(flag string) string     { return envPrefix + strings.ToUpper(settingName(flag)) }

// load gives every setting that no flag has set its value from the environment,
// or else from the file. It returns where each setting's value comes from.
func (p program) load(fs *pflag.FlagSet, file string) (map[string]string, error) {
	fromFile, err := readConfigFile(fs, file)
	if err != nil {
		return nil, err
	}
	fromEnv, err := p.readConfigEnv(fs)
	if err != nil {
		return nil, err
	}
	sources := map[string]string{}
	var errs []error
	fs.VisitAll(func(f *pflag.Flag) {
		name := settingName(f.Name)
		switch {
		case f.Changed:
			sources[name] = "--" + f.Name
		case fromEnv.Exists(name):
			sources[name] = envName(f.Name)
			errs = append(errs, assign(f, fromEnv.Get(name), envName(f.Name)))
		case fromFile.Exists(name):
			sources[name] = file
			errs = append(errs, assign(f, fromFile.Get(name), file+": "+name))
		default:
			sources[name] = "default"
		}
	})
	return sources, errors.Join(errs...)
}

// assign sets a flag's value from outside the command line; where names the place in errors.
func assign(f *pflag.Flag, value any, where string) error {
	var err error
	switch v := value.(type) {
	case []any:
		slice, ok := f.Value.(pflag.SliceValue)
		if !ok {
			return usagef("%s: takes one value, not a list", where)
		}
		list := make([]string, len(v))
		for i := range v {
			list[i] = fmt.Sprint(v[i])
		}
		err = slice.Replace(list)
	case map[string]any, nil:
		return usagef("%s: takes a value", where)
	default:
		err = f.Value.Set(fmt.Sprint(v))
	}
	if err != nil {
		return usagef("%s: %w", where, err)
	}
	return nil
}

func readConfigFile(fs *pflag.FlagSet, file string) (*koanf.Koanf, error) {
	k := koanf.New(".")
	if file == "" {
		return k, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return k, parseConfig(k, fs, file, f)
}

// parseConfig reads the settings of fs from the content of a file into k.
func parseConfig(k *koanf.Koanf, fs *pflag.FlagSet, file string, content io.Reader) error {
	if err := k.Load(limitedReader{content}, yaml.Parser()); err != nil {
		return usagef("%s: %w", file, err)
	}
	return checkKeys(fs, file, k.Raw())
}

// checkKeys refuses keys that are no settings: a misspelt one would silently do nothing.
func checkKeys(fs *pflag.FlagSet, file string, raw map[string]any) error {
	var known, unknown []string
	fs.VisitAll(func(f *pflag.Flag) { known = append(known, settingName(f.Name)) })
	for key := range raw {
		if !slices.Contains(known, key) {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return usagef("%s: unknown setting %s; there are %s", file, strings.Join(unknown, ", "), strings.Join(known, ", "))
}

// readConfigEnv takes the variables that spell a setting and leaves all others alone:
// an orchestrator may define its own with the same prefix.
func (p program) readConfigEnv(fs *pflag.FlagSet) (*koanf.Koanf, error) {
	names := map[string]string{}
	fs.VisitAll(func(f *pflag.Flag) { names[envName(f.Name)] = settingName(f.Name) })
	k := koanf.New(".")
	err := k.Load(env.Provider("", env.Opt{
		Prefix:        envPrefix,
		TransformFunc: func(name, value string) (string, any) { return names[name], value },
		EnvironFunc:   func() []string { return p.env },
	}), nil)
	return k, err
}

// limitedReader is a koanf provider that reads no more of a file than a configuration can have.
type limitedReader struct{ r io.Reader }

func (l limitedReader) ReadBytes() ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(l.r, maxConfigFile+1))
	if len(b) > maxConfigFile {
		return nil, fmt.Errorf("larger than %s is no configuration", byteSize(maxConfigFile))
	}
	return b, err
}

func (limitedReader) Read() (map[string]any, error) {
	return nil, errors.New("the file has to be parsed")
}
