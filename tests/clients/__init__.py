"""The API from the outside, by programs that know only its OpenAPI document."""
