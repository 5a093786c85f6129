package v03

import (
	"cmp"

	a2apb "github.com/a2aproject/a2a-go/v2/a2apb/v1"
)

// addSecurity adds requirements in the form of OpenAPI: the first that a caller
// can meet is enough.
func addSecurity(object map[string]any, requirements []*a2apb.SecurityRequirement) {
	var list []any
	for _, r := range requirements {
		one := map[string]any{}
		for name, scopes := range r.GetSchemes() {
			one[name] = texts(scopes.GetList())
		}
		list = append(list, one)
	}
	if list != nil {
		object["security"] = list
	}
}

// securityScheme returns a scheme with its type as a member, as OpenAPI has it.
func securityScheme(s *a2apb.SecurityScheme) map[string]any {
	object := map[string]any{}
	switch s := s.GetScheme().(type) {
	case *a2apb.SecurityScheme_ApiKeySecurityScheme:
		k := s.ApiKeySecurityScheme
		object["type"], object["in"], object["name"] = "apiKey", k.GetLocation(), k.GetName()
	case *a2apb.SecurityScheme_HttpAuthSecurityScheme:
		h := s.HttpAuthSecurityScheme
		object["type"], object["scheme"] = "http", h.GetScheme()
		setText(object, "bearerFormat", h.GetBearerFormat())
	case *a2apb.SecurityScheme_Oauth2SecurityScheme:
		o := s.Oauth2SecurityScheme
		object["type"], object["flows"] = "oauth2", flows(o.GetFlows())
		setText(object, "oauth2MetadataUrl", o.GetOauth2MetadataUrl())
	case *a2apb.SecurityScheme_OpenIdConnectSecurityScheme:
		object["type"], object["openIdConnectUrl"] = "openIdConnect", s.OpenIdConnectSecurityScheme.GetOpenIdConnectUrl()
	case *a2apb.SecurityScheme_MtlsSecurityScheme:
		object["type"] = "mutualTLS"
	}
	setText(object, "description", description(s))
	return object
}

func description(s *a2apb.SecurityScheme) string {
	return cmp.Or(
		s.GetApiKeySecurityScheme().GetDescription(), s.GetHttpAuthSecurityScheme().GetDescription(),
		s.GetOauth2SecurityScheme().GetDescription(), s.GetOpenIdConnectSecurityScheme().GetDescription(),
		s.GetMtlsSecurityScheme().GetDescription(),
	)
}

// flow is what the OAuth flows of both versions have in common.
type flow interface {
	GetRefreshUrl() string
	GetScopes() map[string]string
}

// flows returns the flow; the one for devices is new in 1.0.
func flows(f *a2apb.OAuthFlows) map[string]any {
	object := map[string]any{}
	switch f := f.GetFlow().(type) {
	case *a2apb.OAuthFlows_AuthorizationCode:
		one := newFlow(f.AuthorizationCode)
		one["authorizationUrl"], one["tokenUrl"] = f.AuthorizationCode.GetAuthorizationUrl(), f.AuthorizationCode.GetTokenUrl()
		object["authorizationCode"] = one
	case *a2apb.OAuthFlows_ClientCredentials:
		one := newFlow(f.ClientCredentials)
		one["tokenUrl"] = f.ClientCredentials.GetTokenUrl()
		object["clientCredentials"] = one
	case *a2apb.OAuthFlows_Implicit:
		//lint:ignore SA1019 deprecated in 1.0, plain in 0.3
		implicit := f.Implicit
		one := newFlow(implicit)
		one["authorizationUrl"] = implicit.GetAuthorizationUrl()
		object["implicit"] = one
	case *a2apb.OAuthFlows_Password:
		//lint:ignore SA1019 deprecated in 1.0, plain in 0.3
		password := f.Password
		one := newFlow(password)
		one["tokenUrl"] = password.GetTokenUrl()
		object["password"] = one
	}
	return object
}

// newFlow begins a flow; scopes are required, even if there are none.
func newFlow(f flow) map[string]any {
	scopes := map[string]any{}
	for name, meaning := range f.GetScopes() {
		scopes[name] = meaning
	}
	object := map[string]any{"scopes": scopes}
	setText(object, "refreshUrl", f.GetRefreshUrl())
	return object
}
