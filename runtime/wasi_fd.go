package runtime

import (
	"encoding/binary"
	"math"
)

const characterDevice = 2

// descriptorStat describes descriptors 0 to 2 as terminals without rights.
func descriptorStat(c *wasiCall) errno {
	if c.arg(0) > standardError {
		return errnoBadf
	}
	var stat [24]byte
	stat[0] = characterDevice
	return faultUnless(c.mem.Write(c.arg(1), stat[:]))
}

// Bounds and layout of the buffers of one write.
const (
	maxVectors = 1024
	vectorSize = 8
)

// write turns output to descriptors 1 and 2 into log lines.
func write(c *wasiCall) errno {
	descriptor, at, n := c.arg(0), c.arg(1), c.arg(2)
	if descriptor != standardOutput && descriptor != standardError {
		return errnoBadf
	}
	if n > maxVectors {
		return errnoInval
	}
	vectors, ok := c.mem.Read(at, n*vectorSize)
	if !ok {
		return errnoFault
	}
	written := uint64(0)
	for ; len(vectors) > 0; vectors = vectors[vectorSize:] {
		c.checkContext()
		text, ok := c.mem.Read(binary.LittleEndian.Uint32(vectors), binary.LittleEndian.Uint32(vectors[4:]))
		if !ok {
			return errnoFault
		}
		if written += uint64(len(text)); written > math.MaxInt32 {
			return errnoInval
		}
		c.in.pay(min(len(text), c.in.output.left))
		c.in.output.write(descriptor, text)
	}
	return faultUnless(c.mem.WriteUint32Le(c.arg(3), uint32(written)))
}
