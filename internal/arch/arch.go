// Package arch holds the structure of the code as tests: which package may
// import which, which outside modules it owns, whose records lie where in storage,
// that everything public is documented, and that test code stays out of the
// program. It has no code that runs outside of tests.
package arch
