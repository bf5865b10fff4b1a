"""The same delivery as a template, for those who change nothing by hand."""

from pipeline.delivery.attach import SUFFIX, Wish


def cloudformation(wish: Wish, arn: str) -> str:
    """Return a CloudFormation template of the delivery of the distribution of an ARN.

    It must be deployed in us-east-1, whatever the bucket's region is.
    """
    fields = "\n".join(f'        - "{name}"' for name in wish.fields)
    return f"""\
# The logs of {wish.distribution} into {wish.stack.bucket}. Deploy it in us-east-1.
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Source:
    Type: AWS::Logs::DeliverySource
    Properties:
      Name: {wish.source_name}
      ResourceArn: {arn}
      LogType: ACCESS_LOGS
  Destination:
    Type: AWS::Logs::DeliveryDestination
    Properties:
      Name: {wish.destination_name}
      DestinationResourceArn: {wish.place}
      OutputFormat: {wish.format}
  Delivery:
    Type: AWS::Logs::Delivery
    DependsOn: Source
    Properties:
      DeliverySourceName: {wish.source_name}
      DeliveryDestinationArn: !GetAtt Destination.Arn
      S3SuffixPath: "{SUFFIX}"
      S3EnableHiveCompatiblePath: false
      RecordFields:
{fields}
"""


def terraform(wish: Wish, arn: str) -> str:
    """Return the Terraform resources of the delivery of the distribution of an ARN."""
    return "\n".join(
        (
            _PROVIDER.format(distribution=wish.distribution, bucket=wish.stack.bucket),
            _ENDS.format(
                source=wish.source_name,
                arn=arn,
                destination=wish.destination_name,
                form=wish.format,
                place=wish.place,
            ),
            _DELIVERY.format(
                suffix=SUFFIX, fields="\n".join(f'    "{name}",' for name in wish.fields)
            ),
        )
    )


_PROVIDER = """\
# The logs of {distribution} into {bucket}. Deliveries live in us-east-1.
provider "aws" {{
  alias  = "edgetally"
  region = "us-east-1"
}}
"""
_ENDS = """\
resource "aws_cloudwatch_log_delivery_source" "edgetally" {{
  provider     = aws.edgetally
  name         = "{source}"
  log_type     = "ACCESS_LOGS"
  resource_arn = "{arn}"
}}

resource "aws_cloudwatch_log_delivery_destination" "edgetally" {{
  provider      = aws.edgetally
  name          = "{destination}"
  output_format = "{form}"

  delivery_destination_configuration {{
    destination_resource_arn = "{place}"
  }}
}}
"""
_DELIVERY = """\
resource "aws_cloudwatch_log_delivery" "edgetally" {{
  provider                 = aws.edgetally
  delivery_source_name     = aws_cloudwatch_log_delivery_source.edgetally.name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.edgetally.arn

  s3_delivery_configuration {{
    suffix_path                 = "{suffix}"
    enable_hive_compatible_path = false
  }}

  record_fields = [
{fields}
  ]
}}
"""
