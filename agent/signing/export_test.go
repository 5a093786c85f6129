package signing

// BarePayload is the barePayload of a card, given as JSON.
func BarePayload(card []byte) ([]byte, error) {
	c, err := decode(card)
	if err != nil {
		return nil, err
	}
	return barePayload(c)
}
