// Shows /openapi.json of this host. Swagger UI asks validator.swagger.io about documents unless it is told not to.
window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  validatorUrl: null,
  deepLinking: true,
  docExpansion: "none",
  filter: true,
});
